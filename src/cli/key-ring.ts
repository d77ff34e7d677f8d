import type { Config } from '../config.ts';
import { keysFileOf, readKeys } from '../lib/keys.ts';
import { CliTrouble } from './trouble.ts';

/** What a command shows that it may act. */
export type Credential = 'admin' | 'service';
type KeyName = 'adminKey' | 'serviceKey' | 'tokenSecret';

/** A key and where it was found, for messages. */
export interface HeldKey {
  readonly key: string;
  readonly source: string;
}

const nameOf = { admin: 'adminKey', service: 'serviceKey' } as const;
const variableOf = {
  adminKey: 'DIBS_ADMIN_KEY',
  serviceKey: 'DIBS_SERVICE_KEY',
  tokenSecret: 'DIBS_TOKEN_SECRET',
} as const;

/** The keys at hand: what the configuration gives, and for a server on this machine what its data folder keeps. */
export class KeyRing {
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  find(as: Credential): Promise<HeldKey | null> {
    return this.#find(nameOf[as]);
  }

  findTokenSecret(): Promise<HeldKey | null> {
    return this.#find('tokenSecret');
  }

  missing(as: Credential | 'token'): CliTrouble {
    const name = as === 'token' ? 'tokenSecret' : nameOf[as];
    const what = as === 'token' ? 'token secret' : `${as} key`;
    const folder = this.#isLocal() ? `, or name the data folder of the server with --data` : '';
    const looked = this.#isLocal()
      ? `none is given, and none is in ${keysFileOf(this.#config.dataDir)}`
      : `the data folder's keys are not sent to another machine (${this.#config.url})`;
    return new CliTrouble('no_key', `There is no ${what} at hand: ${looked}.`, {
      remedy: `Set ${variableOf[name]} or ${variableOf[name]}_FILE${folder}.`,
    });
  }

  async refused(as: Credential, url: string): Promise<CliTrouble> {
    const held = await this.find(as);
    return new CliTrouble(
      'unauthorized',
      `The server at ${url} refuses the ${as} key from ${held?.source ?? 'nowhere'}.`,
      {
        remedy: `Set ${variableOf[nameOf[as]]} to the key that the server was started with, or name its data folder with --data.`,
      },
    );
  }

  async #find(name: KeyName): Promise<HeldKey | null> {
    const given = this.#config[name];
    if (given !== null) return { key: given, source: variableOf[name] };
    if (!this.#isLocal()) return null;
    const stored = (await readKeys(this.#config.dataDir))?.[name];
    return stored == null ? null : { key: stored, source: keysFileOf(this.#config.dataDir) };
  }

  /** The keys of this machine's data folder are nobody else's business. */
  #isLocal(): boolean {
    const { url, urlGiven } = this.#config;
    return !urlGiven || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
  }
}
