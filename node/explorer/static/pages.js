// One block, transaction, account or search.
import { call, hex, base64 } from "./rpc.js";
import { el, link, facts, table, number, time, size } from "./dom.js";
import { readMembers } from "./chain.js";
import { readAccount } from "./ledger.js";

const zero = /^0*$/;

export async function blockPage(view, key) {
  const by = /^\d{1,19}$/.test(key) ? { height: key } : { blockId: base64(key) };
  const b = await call("GetBlock", by);
  const h = b.header, o = b.outcome || {}, height = Number(h.height || 0);
  const [{ receipts = [] }, commit] = await Promise.all([
    call("GetReceipts", { height: String(height) }), call("GetCommit", { height: String(height) })]);
  const cc = commit.certificate;
  view.replaceChildren(
    el("section", {}, el("h1", {}, `Block ${number(height)}`), facts([
      ["id", el("span", { class: "hash" }, hex(b.blockId))],
      ["parent", height > 0 ? link(`#/block/${height - 1}`, hex(h.parentId)) : null],
      ["time", time(h.timestampMs)], ["epoch, view", `${number(h.epoch)}, ${number(h.view)}`],
      ["proposer", `validator ${h.proposer || 0}`],
      ["transactions", `${(b.transactions || []).length}`],
      ["state root", el("span", { class: "hash" }, hex(o.stateRoot))],
      ["receipts root", el("span", { class: "hash" }, hex(o.receiptsRoot))],
      ["next epoch", o.nextEpoch && !zero.test(hex(o.nextEpoch)) ? el("span", { class: "hash" }, hex(o.nextEpoch)) : null],
      ["final by", cc ? `certificate of view ${number(cc.view)} on height ${number(cc.outcome?.height)}, ${signers(cc)} signatures` : "not certified here"],
    ]), el("p", {}, height > 0 ? link(`#/block/${height - 1}`, "‹ previous", "") : "", " ", link(`#/block/${height + 1}`, "next ›", ""))),
    el("section", {}, el("h1", {}, "Transactions"), receipts.length ? table(
      [{ text: "#", class: "num" }, { text: "hash" }, { text: "result" }, { text: "gas", class: "num" }, { text: "events", class: "num" }],
      receipts.slice(0, 500).map((r, i) => [String(i), link(`#/tx/${hex(r.receipt.txHash)}`, hex(r.receipt.txHash)), result(r), number(r.receipt.gasUsed), String((r.events || []).length)]))
      : el("p", { class: "soft" }, "none"),
      receipts.length > 500 ? el("p", { class: "soft" }, `the first 500 of ${number(receipts.length)}`) : ""));
}

const signers = (cc) => [...hex(cc.commits?.signers || "")].reduce((n, d) => n + [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4][parseInt(d, 16)], 0);

function result(r) {
  const code = r.receipt.code || 0;
  return code === 0 ? el("span", { class: "good" }, "success") : el("span", { class: "bad" }, `code ${code}${r.log ? `: ${r.log}` : ""}`);
}

export async function txPage(view, hash) {
  const tx = await call("GetTransaction", { txHash: base64(hash), prove: true });
  const final = tx.state === "TRANSACTION_STATE_FINAL";
  if (!final && tx.state !== "TRANSACTION_STATE_ACCEPTED") throw new Error(`no transaction ${hash} is known here`);
  view.replaceChildren(
    el("section", {}, el("h1", {}, "Transaction"), facts([
      ["hash", el("span", { class: "hash" }, hash)],
      ["state", final ? el("span", { class: "good" }, "final") : "waits in this node's pool"],
      ["block", final ? link(`#/block/${tx.height}`, number(tx.height), "") : null],
      ["index", final ? String(tx.index || 0) : null], ["time", final ? time(tx.timestampMs) : null],
      ["result", final ? result(tx) : null], ["gas used", final ? number(tx.receipt.gasUsed) : null],
      ["size", size(hex(tx.transaction).length / 2)],
    ])),
    el("section", {}, el("h1", {}, "Events"), (tx.events || []).length ? tx.events.map((e) => el("div", {}, el("h2", {}, e.type),
      facts((e.attributes || []).map((a) => [a.key, el("span", { class: "hash" }, hex(a.value))])))) : el("p", { class: "soft" }, "none")),
    tx.proof ? proofSection(tx.proof, `bedrock query tx ${hash} --prove tx.proof`) : "");
}

function proofSection(proof, command) {
  const json = JSON.stringify(proof, null, 2);
  const href = `data:application/json;charset=utf-8,${encodeURIComponent(json)}`;
  return el("section", {}, el("h1", {}, "Proof"),
    el("p", {}, "From genesis to this result: epoch certificates, the commit certificate, the chain of outcomes, and the path to the leaf. ",
      el("a", { href, download: "proof.json" }, "Download to read"), ", or take a file that can be checked offline: ", el("code", {}, command)),
    el("pre", {}, json.length > 6000 ? `${json.slice(0, 6000)}\n…` : json));
}

export async function accountPage(view, address) {
  const q = await call("Query", { path: `account/${address}`, prove: true });
  const account = q.absent || !q.value ? null : readAccount(q.value);
  view.replaceChildren(
    el("section", {}, el("h1", {}, "Account"), facts([
      ["address", el("span", { class: "hash" }, address)],
      ["state", account ? "" : "no such account: nobody ever sent to it"],
      ["balance", account ? account.balance.toLocaleString("en") : null],
      ["next nonce", account ? account.nonce.toLocaleString("en") : null],
      ["as of height", number(q.height)],
    ])),
    q.proof ? proofSection(q.proof, `bedrock query account ${address} --prove account.proof`) : "");
}

// search finds out what was meant: a height, a block's or transaction's hash, an account.
export async function search(text) {
  if (/^\d{1,19}$/.test(text)) return `#/block/${text}`;
  if (/^bed1[0-9a-z]+$/.test(text)) return `#/account/${text}`;
  if (!/^[0-9a-f]{64}$/.test(text)) return `#/validator/${await byMoniker(text)}`;
  const tx = await call("GetTransaction", { txHash: base64(text) }).catch(() => ({}));
  if (tx.state === "TRANSACTION_STATE_FINAL" || tx.state === "TRANSACTION_STATE_ACCEPTED") return `#/tx/${text}`;
  if (await call("GetBlock", { blockId: base64(text) }).then(() => true, () => false)) return `#/block/${text}`;
  const [name, holder] = await Promise.all([`validator/${text}`, `key_holder/${text}`].map((path) => call("Query", { path }).catch(() => ({}))));
  if (name.value || holder.value) return `#/validator/${text}`;
  throw new Error(`no block, transaction or validator ${text} is known here`);
}

async function byMoniker(text) {
  const found = (await readMembers().catch(() => null) || []).filter((m) => m.moniker.toLowerCase() === text);
  if (found.length === 1) return found[0].name;
  throw new Error(found.length ? `${found.length} validators are called that: see the page of validators`
    : "that is no height, no hash of 64 hex digits, no account (bed1…) and no validator");
}
