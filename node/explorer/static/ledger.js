// Values of the ledger's state (docs/encodings.md, Ledger state keys).
import { bytes } from "./rpc.js";

function uint(b, at, size) {
  let n = 0n;
  for (let i = size - 1; i >= 0; i--) n = (n << 8n) | BigInt(b[at + i]);
  return n;
}

// readAccount reads an account's value: nonce (8 bytes), balance (16 bytes).
export function readAccount(base64) {
  const b = bytes(base64);
  if (b.length < 24) throw new Error(`an account's value has ${b.length} bytes`);
  return { nonce: uint(b, 0, 8), balance: uint(b, 8, 16) };
}
