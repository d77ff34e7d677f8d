import process from 'node:process';
import type { Command } from 'commander';
import { type Config, type ConfigKey, configKeys, flagOf, readConfig } from '../config.ts';
import { createScreen, type Screen } from './screen.ts';
import { Server } from './server.ts';
import { CliTrouble, type ExitCode } from './trouble.ts';

/** What every command has at hand. */
export interface Act {
  readonly screen: Screen;
  readonly config: Config;
}

/** What a command that speaks to a server has at hand. */
export interface ServerAct extends Act {
  readonly server: Server;
}

/** The flags of configuration keys, and the one that every command has. */
export function addFlags(command: Command, keys: readonly ConfigKey[]): Command {
  for (const { key, meaning, option } of configKeys) {
    if (!keys.includes(key)) continue;
    const value = option === 'data' ? 'folder' : option === 'issueRate' ? 'rate' : option;
    command.option(`${flagOf(key)} <${value}>`, `${meaning} (${key})`);
  }
  return command.option('--json', 'answer in JSON');
}

/** Reads the configuration with the flags of a command before all else; throws with every fault at once. */
export function configOf(options: Readonly<Record<string, unknown>>): Config {
  const flags: Partial<Record<ConfigKey, string>> = {};
  for (const { key, option } of configKeys) {
    const value = options[option];
    if (typeof value === 'string') flags[key] = value;
  }
  const { config, faults } = readConfig({ flags });
  if (config !== null) return config;
  const [only] = faults;
  const message =
    faults.length === 1 && only !== undefined
      ? `The configuration has a fault. ${only}`
      : `The configuration has ${faults.length} faults.\n${faults.map((fault) => `- ${fault}`).join('\n')}`;
  throw new CliTrouble('invalid_configuration', message, { exitCode: 2, details: { faults } });
}

type Run<A extends Act> = (act: A, options: Readonly<Record<string, string>>, ...args: string[]) => Promise<ExitCode>;

/** Makes `command` run `run` with its options and arguments; what it gives is the exit code. */
export function does(command: Command, keys: readonly ConfigKey[], run: Run<Act>): void {
  addFlags(command, keys).action(async () => {
    const options = command.opts<Record<string, string>>();
    const screen = createScreen('json' in options);
    process.exitCode = await run({ screen, config: configOf(options) }, options, ...argumentsOf(command));
  });
}

/** As `does`, for a command that acts on a server. */
export function doesOnServer(command: Command, run: Run<ServerAct>): void {
  does(command, ['DIBS_URL', 'DIBS_DATA'], (act, ...rest) => run({ ...act, server: new Server(act.config) }, ...rest));
}

const argumentsOf = (command: Command): string[] => command.processedArgs.filter((arg) => typeof arg === 'string');
