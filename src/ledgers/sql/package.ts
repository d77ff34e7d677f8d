import { DibsError } from '../../core/errors.ts';

/** Loads a client library, which is installed by those alone who use it. Throws `invalid_configuration` where it is not there. */
export async function loadPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A package of its own that it misses is its own trouble.
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw error;
    const text = `This ledger needs the package ${name}, which is not installed: npm install ${name}`;
    throw new DibsError('invalid_configuration', text, { cause: error });
  }
}
