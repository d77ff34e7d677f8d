/** Benches in memory, for the models and for what breaks a rule on top of them. */
import type { Clock } from '../../src/core/clock.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { Ledger } from '../../src/core/ledger.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import type { GateSetup } from '../../src/testing/gate/bench.ts';
import type { LedgerSetup } from '../../src/testing/ledger/bench.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import type { LogSetup } from '../../src/testing/log/bench.ts';
import { fenceModelEvent, type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { type LedgerData, emptyLedgerData } from '../../src/testing/model-ledger.ts';
import { openModelLog } from '../../src/testing/model-log.ts';

type OpenGate = (clock: Pick<Clock, 'now'>, store: ModelStore) => Gate;
type OpenLedger = (clock: Pick<Clock, 'now'>, store: LedgerData) => Ledger;

export async function modelGateSetup(open: OpenGate): Promise<GateSetup> {
  const clock = new ManualClock();
  const store: ModelStore = new Map();
  let gate = open(clock, store);
  return {
    gate,
    clock,
    async reopen() {
      await gate.close();
      gate = open(clock, store);
      return gate;
    },
    fence: async (eventId) => fenceModelEvent(store, eventId),
    teardown: () => gate.close(),
  };
}

export async function modelLedgerSetup(open: OpenLedger): Promise<LedgerSetup> {
  const clock = new ManualClock();
  const store = emptyLedgerData();
  return {
    ledger: open(clock, store),
    clock,
    plant: async (eventId, slot) => void store.refused.add(`${eventId} ${slot}`),
    unplant: async () => store.refused.clear(),
    connect: async () => open(clock, store),
    teardown: async () => undefined,
  };
}

export async function modelLogSetup(wrap: (log: WinLog) => WinLog = (log) => log): Promise<LogSetup> {
  const gate = openModelGate(new ManualClock());
  const { log, relay, plant, connect } = openModelLog(gate);
  return {
    gate,
    log: wrap(log),
    settle: relay,
    plant,
    connect: async () => wrap(connect()),
    sharingMsMax: 100,
    teardown: () => gate.close(),
  };
}
