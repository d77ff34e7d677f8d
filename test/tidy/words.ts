/**
 * One word for one thing, in every name that src/ exports, and no traces of the moment in any file.
 *
 * Many of the refused words are honest English elsewhere (an HTTP response, Object.entries, the order of slots), so
 * the list is short and in two parts: words that mean nothing else here, and words refused only where they are the
 * whole name or stand beside the noun that they would replace.
 */
import { breach, isNode, type Node, nameOf, type ParsedFile, type SourceFile } from './source.ts';

const refusedWords: Readonly<Record<string, string>> = {
  campaign: 'Event',
  sale: 'Event',
  winner: 'Win',
  reservation: 'Win',
  ticket: 'Win',
  ordinal: 'Slot',
  seq: 'Slot',
  rank: 'Slot',
  issuance: 'Coupon',
  stock: 'Gate',
  broker: 'Win log',
  repository: 'Ledger',
};

const refusedPairs: readonly { word: string; beside: readonly string[]; noun: string; except?: string }[] = [
  { word: 'entry', beside: ['claim', 'user'], noun: 'Claim' },
  { word: 'order', beside: ['claim', 'user'], noun: 'Claim' },
  { word: 'result', beside: ['claim', 'gate', 'admit'], noun: 'Decision' },
  { word: 'response', beside: ['claim', 'gate', 'admit'], noun: 'Decision', except: 'src/http/' },
  { word: 'counter', beside: ['gate', 'slot'], noun: 'Gate' },
  { word: 'queue', beside: ['win'], noun: 'Win log' },
  // The lab has stores of several kinds, of which a database is one.
  { word: 'store', beside: ['coupon', 'ledger'], noun: 'Ledger', except: 'src/lab/' },
  { word: 'worker', beside: ['issue', 'issuer', 'coupon'], noun: 'Issuer' },
  { word: 'consumer', beside: ['issue', 'issuer', 'coupon', 'win'], noun: 'Issuer' },
  { word: 'letter', beside: ['dead'], noun: 'Failed issuance' },
];

export function wordBreaches(file: ParsedFile): string[] {
  const found: string[] = [];
  for (const { name, at } of exportedNames(file)) {
    const noun = name === 'Event' ? 'EventSpec' : replacedNoun(wordsOf(name), file.path);
    if (noun !== undefined) found.push(breach(file, at, `${name}: the word for it is ${noun}`));
  }
  return found;
}

function replacedNoun(words: readonly string[], path: string): string | undefined {
  // The one compound in which the word stands in the table of nouns itself.
  const judged = words.filter((word, i) => !(word === 'issuance' && words[i - 1] === 'failed'));
  for (const word of judged) if (Object.hasOwn(refusedWords, word)) return refusedWords[word];
  return refusedPairs.find(({ word, beside, except }) => {
    if (!judged.includes(word) || (except !== undefined && path.startsWith(except))) return false;
    return judged.length === 1 || judged.some((other) => beside.includes(other));
  })?.noun;
}

/** 'FailedHTTPEntries' -> failed, http, entry. */
function wordsOf(name: string): string[] {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  return words.map((word) =>
    word
      .toLowerCase()
      .replace(/ies$/, 'y')
      .replace(/([^s])s$/, '$1'),
  );
}

function exportedNames(file: ParsedFile): { name: string; at: number }[] {
  const found: { name: string; at: number }[] = [];
  const add = (node: unknown) => {
    const name = nameOf(node);
    if (name !== undefined && isNode(node)) found.push({ name, at: node.start });
  };
  for (const node of file.program['body'] as Node[]) {
    if (node.type !== 'ExportNamedDeclaration') continue;
    for (const specifier of node['specifiers'] as Node[]) add(specifier['exported']);
    const declaration = node['declaration'];
    if (!isNode(declaration)) continue;
    add(declaration['id']);
    for (const declarator of (declaration['declarations'] as Node[] | undefined) ?? []) add(declarator['id']);
  }
  return found;
}

// A class of one letter, so that this file does not hold what it looks for.
const unfinished = /\b(?:TOD[O]|FIXM[E]|XX[X])\b/;
const machinePath = /(?<![\w./])\/(?:work|root)\//;
const registryHost = /\/\/[\w.-]*registry[\w-]*\.[\w.-]+|npmj[s]\.org/;

/** Work that was put off, paths of one machine, and the package registry someone happened to install from. */
export function traceBreaches(file: SourceFile): string[] {
  const found: string[] = [];
  const looked: [RegExp, string][] = [[machinePath, 'a path of one machine']];
  if (/^(src|test|bench|scripts)\//.test(file.path)) looked.push([unfinished, 'unfinished work goes to an issue']);
  // npm itself writes its default registry there when it is not told to leave it out.
  if (file.path !== 'package-lock.json') looked.push([registryHost, 'a host of a package registry']);
  for (const [pattern, message] of looked) {
    const match = pattern.exec(file.text);
    if (match !== null) found.push(breach(file, match.index, `${message}: ${match[0]}`));
  }
  return found;
}
