// What several pages read of validators, epochs and upgrades. All lists are bounded.
import { call, hex } from "./rpc.js";
import { readEvidence, readHolder, readNames, readUpgrade, readValidator } from "./ledger.js";

export const maxEpochs = 1000;
const page = 100, queries = 300;

// queryMany reads rows by path, each base64 or null; an executor without the path
// gives null, too.
async function queryMany(paths) {
  const out = [];
  for (let i = 0; i < paths.length; i += queries) {
    const { answers = [] } = await call("QueryMany", { paths: paths.slice(i, i + queries) });
    out.push(...answers.map((a) => (a.code || a.absent || !a.value ? null : a.value)));
  }
  return out;
}

// readMembers are all validators that have not left; null where the executor keeps none.
export async function readMembers() {
  const list = await call("Query", { path: "validators" });
  if (list.code) return null;
  const names = list.value ? readNames(list.value) : [];
  const rows = names.length ? await queryMany(names.map((n) => `validator/${n}`)) : [];
  return names.flatMap((name, i) => (rows[i] ? [{ name, ...readValidator(rows[i]) }] : []));
}

export async function readScheduled() {
  const q = await call("Query", { path: "upgrade" });
  return q.code || q.absent || !q.value ? null : { ...readUpgrade(q.value), height: Number(q.height || 0) };
}

// readEpochs are epochs from a number on, up to limit, each with its first height.
export async function readEpochs(from, limit) {
  const out = [];
  for (let next = from; out.length < limit;) {
    const { epochs = [], newest } = await call("ListEpochs", { from: String(next), limit: Math.min(page, limit - out.length) });
    for (const e of epochs) {
      const n = Number(e.epoch.number);
      out.push({ number: n, first: n === 1 ? 1 : Number(e.certificate?.outcome?.height || 0) + 1, executor: hex(e.epoch.executorHash), engine: e.epoch.engine || 0,
        set: (e.epoch.validators || []).map((v) => ({ identity: hex(v.networkKey), power: Number(v.power || 0) })) });
    }
    if (!epochs.length || out.at(-1).number >= Number(newest)) break;
    next = out.at(-1).number + 1;
  }
  return out;
}

// readHolders is whose the identities of epochs are: identity -> validator's name.
export async function readHolders(epochs) {
  const identities = [...new Set(epochs.flatMap((e) => e.set.map((v) => v.identity)))];
  const rows = identities.length ? await queryMany(identities.map((id) => `key_holder/${id}`)) : [];
  return new Map(identities.map((id, i) => [id, rows[i] ? readHolder(rows[i]) : id]));
}

// changes is what an epoch did to each validator, against the one before.
export function changes(before, epoch, holders) {
  const of = (v) => holders.get(v.identity) || v.identity;
  const was = new Map((before?.set || []).map((v) => [of(v), v]));
  const out = [];
  const stays = new Set();
  for (const v of epoch.set) {
    const name = of(v), old = was.get(name);
    stays.add(name);
    if (!old) out.push({ name, what: "entered", text: `power ${v.power}` });
    else {
      if (old.identity !== v.identity) out.push({ name, what: "rotated", text: `to identity ${v.identity.slice(0, 12)}…` });
      if (old.power !== v.power) out.push({ name, what: "weighed", text: `power ${old.power} to ${v.power}` });
    }
  }
  for (const name of was.keys()) if (!stays.has(name)) out.push({ name, what: "left the set", text: "" });
  return out;
}

const noEvidence = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; // root of an empty list

// readBoundary is the evidence in the block that ended the epoch before. Its header
// says whether there is any: blocks are read only where there is.
export async function readBoundary(epoch) {
  if (epoch.number === 1) return [];
  const height = String(epoch.first - 1);
  const { blocks = [] } = await call("ListBlocks", { newestHeight: height, limit: 1 }).catch(() => ({})); // pruned here
  if (!blocks.length || hex(blocks[0].header.evidenceRoot) === noEvidence) return [];
  const b = await call("GetBlock", { height });
  return (b.evidence || []).map(readEvidence);
}

export const quorum = (total) => Math.floor((2 * total) / 3) + 1;
