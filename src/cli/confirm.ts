import process from 'node:process';
import type { Act } from './act.ts';
import { usage } from './trouble.ts';

/** What is about to be done. */
export interface Intent {
  /** What it will do, with numbers. */
  readonly preview: readonly string[];
  readonly question: string;
  /** The preview for programs. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The flag of every command that asks. */
export const yesFlag = ['--yes', 'do it without asking'] as const;

/**
 * Whether `intent` is to be carried out: `--yes` says so, else whoever sits at the terminal is asked. Throws where nobody
 * can be asked: neither silence nor a script's empty stdin is a yes.
 */
export async function confirmed(
  { screen }: Act,
  options: Readonly<Record<string, unknown>>,
  intent: Intent,
): Promise<boolean> {
  screen.lines(...intent.preview, '');
  if ('yes' in options) return true;
  if (screen.json || !process.stdin.isTTY || !process.stdout.isTTY) {
    const trouble = usage('This cannot be undone, and there is no terminal to ask at.', 'Add --yes to do it.');
    throw Object.assign(trouble, { details: { preview: intent.details } });
  }
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message: intent.question, initialValue: false });
  if (answer === true && !isCancel(answer)) return true;
  screen.lines('Nothing was done.');
  return false;
}
