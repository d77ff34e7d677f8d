import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type FieldFault, refuseFaults } from '../core/errors.ts';

/** Gives its argument back, typed, where it fits; throws `invalid_request` with every fault where it does not. */
export type Validator<T> = (value: unknown) => T;

/**
 * Compiles a schema. Nothing is coerced, removed or added on the way. A `rule` of a property, in the words after
 * "userId …", is what its fault says in place of the pattern.
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
    refuseFaults([...faults.values()]);
    throw new TypeError('a value that does not fit has no fault');
  };
}

interface RawFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
  };
}

function faultsOf(error: RawFault, properties: Record<string, { description?: string }>): FieldFault[] {
  const below = (name: string, message: string) => ({
    path: `${error.instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    message,
  });
  const { additionalProperties = [], requiredProperties = [], allowedValues = [] } = error.params;
  switch (error.keyword) {
    case 'additionalProperties':
      return additionalProperties.map((name) => below(name, 'is not a field of this request'));
    // It says again, once for each name, what `additionalProperties` says.
    case 'boolean':
      return [];
    case 'required':
      return requiredProperties.map((name) => below(name, 'is required'));
    case 'enum':
      return [{ path: error.instancePath, message: `must be one of ${allowedValues.join(', ')}` }];
    case 'pattern':
    case 'format': {
      const rule = properties[error.instancePath.slice(1)]?.description;
      return [{ path: error.instancePath, message: rule === undefined ? error.message : `must be ${rule}` }];
    }
    default:
      return [{ path: error.instancePath, message: error.message }];
  }
}
