/** What npm makes of this project: packed, installed in an empty project, imported, typed and run from there. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Of what npm tells about a tarball, what is looked at here. */
interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** The environment without what the run of this test was configured with; Node is the one that runs this. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_(?!config_(registry|cache|userconfig)$)|DIBS_|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/i.test(name),
    ),
  ),
  PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
};

describe('the package', () => {
  let folder: string;
  let project: string;
  let packed: Packed;
  const inProject = (command: string, ...args: string[]) => run(command, args, { cwd: project, env });
  const installed = (...path: string[]) => join(project, 'node_modules/dibs', ...path);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dibs-pack-'));
    const checkout = await copyCheckout(join(folder, 'checkout'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: checkout, env });
    packed = packedOf(stdout);
    project = join(folder, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }\n');
    await inProject('npm', 'install', join(folder, packed.filename), '--prefer-offline', '--no-audit', '--no-fund');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('holds what is run and what is read, and neither tests nor sources', () => {
    const allowed =
      /^(package\.json|README(\.\w+)?\.md|LICENSE|CHANGELOG\.md|docs\/.+\.(md|svg|png)|dist\/.+(?<!\.map)\.(js|d\.ts|sql|lua|json))$/;
    const paths = packed.files.map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path)),
      [],
    );
    assert.deepEqual(
      paths.filter((path) =>
        /^(scripts|services|deploy)\/|(^|\/)(test|bench|node_modules|data)\/|\.test\.|keys\.json|\.db$|\.env/.test(
          path,
        ),
      ),
      [],
    );
    for (const path of ['LICENSE', 'dist/main.js', 'dist/main.d.ts', 'dist/testing/main.js', 'dist/cli/bin.js']) {
      assert.ok(paths.includes(path), path);
    }
    // What is read at run time lies beside the code that reads it: all of it, and nothing that is no longer there.
    const assets = (extension: string) => new RegExp(`^dist/.+\\.${extension}$`);
    for (const extension of ['sql', 'lua']) {
      const sources = globSync(`**/*.${extension}`, { cwd: join(root, 'src') });
      assert.deepEqual(
        paths.filter((path) => assets(extension).test(path)).sort(),
        sources.map((path) => `dist/${path}`).sort(),
      );
    }
    const modules = globSync('**/*.ts', { cwd: join(root, 'src') });
    assert.equal(paths.filter((path) => assets('js').test(path)).length, modules.length);
  });

  test('is a library in plain JavaScript: an event, a win, a replay, a refusal, a coupon', async () => {
    await writeFile(
      join(project, 'plain.js'),
      `import { DibsError, openDibs } from 'dibs';
const dibs = await openDibs({ data: './plain-data' });
await dibs.createEvent({ id: 'launch', name: 'Launch', capacity: 1 });
const first = await dibs.claim({ eventId: 'launch', userId: 'u1', key: 'click-1' });
const again = await dibs.claim({ eventId: 'launch', userId: 'u1', key: 'click-1' });
const late = await dibs.claim({ eventId: 'launch', userId: 'u2' });
const unknown = await dibs.claim({ eventId: 'nowhere', userId: 'u1' }).catch((error) => error instanceof DibsError && error.code);
let coupons = [];
while (coupons.length === 0) {
  await new Promise(setImmediate);
  coupons = (await dibs.listCoupons('launch')).items;
}
await dibs.close();
console.log(JSON.stringify([first.claim.slot, first.replayed, again.replayed, late.reason, unknown, coupons[0].slot]));
`,
    );
    const { stdout } = await inProject(process.execPath, 'plain.js');
    assert.deepEqual(JSON.parse(stdout), [1, false, true, 'sold_out', 'event_not_found', 1]);
  });

  for (const [what, options] of [
    ['its own declarations checked as well', { skipLibCheck: false }],
    ['in a project that asks for no types of its own', { types: [], skipLibCheck: false }],
  ] as const) {
    test(`is typed to the last value, ${what}`, async () => {
      await writeFile(join(project, 'typed.ts'), typedProgram);
      const compilerOptions = { ...strict, ...options };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
      assert.equal(await tsc(project), '');
    });
  }

  test('refuses in types what would go wrong', async () => {
    await writeFile(
      join(project, 'wrong.ts'),
      `import { openDibs } from 'dibs';
const dibs = await openDibs({ dataa: 'x' });
const decision = await dibs.claim({ eventId: 'e', userId: 'u' });
decision.claim.slot;
if (decision.outcome === 'rejected' && decision.reason === 'soldout') decision.claims;
await dibs.createEvent({ name: 'no capacity' });
`,
    );
    const compilerOptions = { ...strict, types: [], skipLibCheck: true };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['wrong.ts'] }));
    const lines = (await tsc(project)).split('\n').flatMap((line) => /^wrong\.ts\((\d+),/.exec(line)?.[1] ?? []);
    assert.deepEqual(lines, ['2', '4', '5', '6']);
  });

  test('gives driver authors its suites', async () => {
    await writeFile(
      join(project, 'suites.js'),
      `import * as testing from 'dibs/testing';
console.log(JSON.stringify(Object.entries(testing).map(([name, value]) => [name, typeof value])));
`,
    );
    const { stdout } = await inProject(process.execPath, 'suites.js');
    const names = new Map(JSON.parse(stdout) as [string, string][]);
    for (const name of ['gateConformance', 'ledgerConformance', 'logConformance'])
      assert.equal(names.get(name), 'function');
    // Nothing but what is exported can be reached.
    await assert.rejects(
      inProject(process.execPath, '-e', "import('dibs/dist/compose.js')"),
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    );
  });

  test('has a command that says who it is and what it does', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string };
    assert.match((await inProject('npx', '--no-install', 'dibs', '--version')).stdout, new RegExp(`\\b${version}\\b`));
    const help = (await inProject('npx', '--no-install', 'dibs', '--help')).stdout;
    for (const command of ['serve', 'event', 'claim', 'audit', 'recover'])
      assert.match(help, new RegExp(`\\b${command}\\b`));
    const bin = installed('dist/cli/bin.js');
    assert.equal((await stat(bin)).mode & 0o111, 0o111, 'the bin is executable');
    assert.match(await readFile(bin, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  });

  test('serves from where it is installed, and ends when it is told to', async (t) => {
    const args = ['serve', '--data', join(project, 'served'), '--port', '0', '--json'];
    const child = spawn(join(project, 'node_modules/.bin/dibs'), args, {
      cwd: project,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => end(child));
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { url, keysFile } = JSON.parse(line) as { readonly url: string; readonly keysFile: string };
    const { serviceKey } = JSON.parse(await readFile(keysFile, 'utf8')) as { readonly serviceKey: string };
    const headers = { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ userId: 'alice' });
    const answer = await fetch(`${url}/v1/events/demo/claims`, { method: 'POST', headers, body });
    assert.equal(answer.status, 201);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
  });
});

/** Every reason and state by name: where one is added, or one is not told apart, this does not compile. */
const typedProgram = `import { type ClaimDecision, type Dibs, DibsError, type EventView, openDibs, type TroubleCode } from 'dibs';

type Reason = Extract<ClaimDecision, { outcome: 'rejected' }>['reason'];
const reasons: Record<Reason, number> = { closed: 1, not_open: 2, paused: 3, limit_reached: 4, sold_out: 5 };
const states: Record<EventView['state'], number> = { scheduled: 1, open: 2, paused: 3, closed: 4, recovering: 5 };

export function tell(decision: ClaimDecision): string {
  switch (decision.outcome) {
    case 'won': {
      const { slot, nth, code, status, wonAt }: { slot: number; nth: number; code: string | null; status: 'won' | 'issued' | 'discarded'; wonAt: Date } = decision.claim;
      const replayed: boolean = decision.replayed;
      // @ts-expect-error A win has no reason.
      void decision.reason;
      return \`\${slot} \${nth} \${code} \${status} \${wonAt.toISOString()} \${replayed}\`;
    }
    case 'rejected': {
      const opensAt: Date | null = decision.opensAt;
      // @ts-expect-error A refusal has no claim.
      void decision.claim;
      return \`\${reasons[decision.reason]} \${opensAt?.toISOString()} \${decision.claims.map((claim) => claim.slot).join()}\`;
    }
  }
}

export async function use(): Promise<number> {
  const dibs: Dibs = await openDibs({ data: './typed-data', roles: ['claims', 'issuing'] });
  try {
    const { event, created } = await dibs.createEvent({ name: 'Launch', capacity: 100, opensAt: new Date(0), closesAt: '2027-01-01T00:00:00Z' });
    const isNew: boolean = created;
    const { ok, won, issued, unissued, failed, discarded, findings } = await dibs.audit(event.id);
    const sum: number = issued + unissued + failed + discarded;
    for await (const _ of [tell(await dibs.claim({ eventId: event.id, userId: 'u' }))]) void _;
    return ok && isNew && sum === won ? states[event.state] + findings.length : 0;
  } catch (error) {
    if (!(error instanceof DibsError)) throw error;
    const code: TroubleCode = error.code;
    const retryable: boolean = error.retryable;
    const remedy: string = error.remedy;
    // @ts-expect-error There is no such code.
    if (code === 'event_gone') return 1;
    return code === 'unavailable' && retryable ? remedy.length : 0;
  } finally {
    await dibs.close();
  }
}
`;

const strict = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
};

/** What the project's compiler says of a folder; empty where it has nothing to say. */
async function tsc(cwd: string): Promise<string> {
  try {
    const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd, env });
    return stdout;
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
}

/** What npm says of a tarball: a list in npm 11, by name in npm 12; lines of scripts may stand before it. */
function packedOf(stdout: string): Packed {
  const told = JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Packed[] | Record<string, Packed>;
  const [packed] = Object.values(told);
  assert.ok(packed !== undefined, stdout);
  return packed;
}

/** Packed from a copy, so that a build in the checkout, and another run of this test, are left alone. */
async function copyCheckout(target: string): Promise<string> {
  const left = new Set(['node_modules', '.git', 'dist', 'data', 'test', 'bench'].map((name) => join(root, name)));
  await cp(root, target, { recursive: true, filter: (path) => !left.has(path) });
  await symlink(join(root, 'node_modules'), join(target, 'node_modules'));
  return target;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
