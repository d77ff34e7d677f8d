import { readSql } from '../../lib/sql-file.ts';

/** The statements that stand in files beside a driver, each read once; without the comment at its head. */
export class Statements {
  readonly #url: string;
  readonly #texts = new Map<string, string>();

  /** `url` is the `import.meta.url` of a module in their folder. */
  constructor(url: string) {
    this.#url = url;
  }

  text(name: string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = readSql(this.#url, `${name}.sql`)
      .replaceAll(/^--.*\n/gm, '')
      .trim();
    this.#texts.set(name, text);
    return text;
  }
}
