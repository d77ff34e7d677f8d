import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type FieldFault, refuseFaults } from '../core/errors.ts';

/** Gives its argument back, typed, where it fits; throws `invalid_request` with every fault where it does not. */
export type Validator<T> = (value: unknown) => T;

/**
 * Compiles a schema. Nothing is coerced, removed or added on the way. At most eight faults are named, and the description
 * of a property goes on from "must be": it is what a fault against its pattern says.
 */
export function validator<S extends TSchema>(schema: S): Validator<Static<S>> {
  const compiled = Compile(schema);
  const properties = (schema as { properties?: Record<string, { description?: string }> }).properties ?? {};
  return (value) => {
    if (compiled.Check(value)) return value;
    const faults = new Map<string, FieldFault>();
    for (const error of compiled.Errors(value)) {
      for (const fault of faultsOf(error as RawFault, properties)) {
        if (!faults.has(fault.path)) faults.set(fault.path, fault);
      }
    }
    refuseFaults(faults.size > 0 ? [...faults.values()] : [{ path: '', message: 'does not fit' }]);
    return value as Static<S>;
  };
}

interface RawFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: { readonly requiredProperties?: readonly string[]; readonly allowedValues?: readonly unknown[] };
}

function faultsOf(error: RawFault, properties: Record<string, { description?: string }>): FieldFault[] {
  const { keyword, instancePath: path, message, params } = error;
  switch (keyword) {
    // Of a field that is not known there are two errors: one each that names it, and, unless the list of errors is full
    // before, one that names all. Of the object's fields nothing but an unknown one is forbidden as such.
    case 'boolean':
      return [{ path, message: 'is not a field of this request' }];
    case 'additionalProperties':
      return [];
    case 'required':
      return (params.requiredProperties ?? []).map((name) => ({ path: `${path}/${name}`, message: 'is required' }));
    case 'enum':
      return [{ path, message: `must be one of ${(params.allowedValues ?? []).join(', ')}` }];
    case 'pattern':
    case 'format': {
      const rule = properties[path.slice(1)]?.description;
      return [{ path, message: rule === undefined ? message : `must be ${rule}` }];
    }
    default:
      return [{ path, message }];
  }
}
