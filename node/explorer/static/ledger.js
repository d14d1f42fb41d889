// Values of the ledger's state (docs/encodings.md, Ledger state).
import { bytes } from "./rpc.js";

const hexOf = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");

// row reads fields one after the other; past the end it throws.
function row(base64) {
  const b = bytes(base64);
  let at = 0;
  const take = (n) => {
    if (at + n > b.length) throw new Error(`a row of ${b.length} bytes is cut off`);
    at += n;
    return b.subarray(at - n, at);
  };
  const uint = (n) => take(n).reduceRight((sum, x) => (sum << 8n) | BigInt(x), 0n);
  return { uint, num: (n) => Number(uint(n)), id: () => hexOf(take(32)), bytes: () => take(Number(uint(4))) };
}

export function readAccount(base64) {
  const r = row(base64);
  return { nonce: r.uint(8), balance: r.uint(16) };
}

export const statuses = { 1: "candidate", 2: "active", 3: "left", 4: "jailed" };

export function readValidator(base64) {
  const r = row(base64);
  const v = { status: statuses[r.num(1)] || "unknown", ready: r.num(1) === 1, identity: r.id(), owner: r.id(), delegate: r.id(),
    power: r.num(8), leaseEnd: r.num(8), since: r.num(8), rotated: r.num(8), jailedEpoch: r.num(8), consensusKey: hexOf(r.bytes()) };
  r.bytes(); // possession
  v.moniker = new TextDecoder().decode(r.bytes());
  return v;
}

export function readNames(base64) {
  const r = row(base64);
  return Array.from({ length: r.num(4) }, () => r.id());
}

export function readUpgrade(base64) {
  const r = row(base64);
  const u = { executor: r.id(), engine: r.num(4), notBefore: r.num(8), notAfter: r.num(8), at: r.num(8) };
  u.ready = new Set(Array.from({ length: r.num(4) }, () => r.id()));
  return u;
}

export function readHolder(base64) {
  return row(base64).id();
}

const kinds = { 1: "two proposals", 2: "two prepare votes", 3: "two commit votes", 4: "a commit vote and a lower timeout" };

// readEvidence reads what stands at the head of a piece of evidence.
export function readEvidence(base64) {
  const r = row(base64);
  return { kind: kinds[r.num(1)] || "unknown", epoch: r.num(8), validator: r.num(4) };
}
