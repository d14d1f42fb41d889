// The front page: what arrives, drawn at most four times a second.
import { call, stream, hex } from "./rpc.js";
import { readMembers } from "./chain.js";
import { el, link, short, table, number, time, size, plot } from "./dom.js";

const keep = 600;

export function livePage(view, notice) {
  const stop = new AbortController();
  const blocks = [];
  let status = {}, validators = [], names = new Map(), polls = 0, dirty = true;

  const follow = async () => {
    let next = 0;
    while (!stop.signal.aborted) {
      try {
        await stream("StreamBlocks", { fromHeight: String(next) }, (m) => {
          const at = Date.now(), stamp = Number(m.header.timestampMs);
          const height = Number(m.header.height || 0);
          next = height + 1;
          blocks.push({ at, height, id: hex(m.blockId), stamp, finality: Math.max(0, at - stamp), txs: m.transactionCount || 0,
            bytes: m.payloadBytes || 0, proposer: m.header.proposer || 0, view: m.header.view });
          if (blocks.length > keep) blocks.splice(0, blocks.length - keep);
          dirty = true;
          notice("");
        }, stop.signal);
      } catch (err) {
        if (stop.signal.aborted) return;
        notice(`The stream of blocks broke off (${err.message}); trying again.`);
      }
      await new Promise((r) => setTimeout(r, 1000));
    }
  };

  const poll = async () => {
    while (!stop.signal.aborted) {
      try {
        status = await call("GetStatus");
        validators = (await call("ListValidators")).validators || [];
        if (polls++ % 10 === 0) names = new Map((await readMembers().catch(() => null) || []).map((m) => [m.identity, m.moniker]));
        dirty = true;
      } catch (err) {
        notice(`The node does not answer: ${err.message}`);
      }
      await new Promise((r) => setTimeout(r, 1000));
    }
  };

  const seed = async () => {
    const { blocks: recent = [] } = await call("ListBlocks", { limit: 20 });
    for (const b of recent.reverse()) {
      blocks.push({ at: Number(b.header.timestampMs), height: Number(b.header.height || 0), id: hex(b.blockId), stamp: Number(b.header.timestampMs || 0),
        finality: null, txs: b.transactions || 0, bytes: b.payloadBytes || 0, proposer: b.header.proposer || 0, view: b.header.view });
    }
  };

  const draw = () => {
    if (dirty && !document.hidden) {
      dirty = false;
      view.replaceChildren(...render(status, validators, names, blocks));
    }
  };
  const timer = setInterval(draw, 250);
  seed().catch(() => {}).finally(follow);
  poll();
  return () => { stop.abort(); clearInterval(timer); };
}

function render(status, validators, names, blocks) {
  const live = blocks.filter((b) => b.finality !== null);
  const recent = live.filter((b) => b.at > Date.now() - 10_000);
  const span = recent.length > 1 ? (recent.at(-1).at - recent[0].at) / 1000 : 0;
  const rate = span > 0 ? recent.reduce((n, b) => n + b.txs, 0) / span : 0;
  const sorted = recent.map((b) => b.finality).sort((a, b) => a - b);
  const median = sorted.length ? `${sorted[sorted.length >> 1]} ms` : "–";
  const tile = (name, value, title = "") => el("div", { class: "tile", title }, el("b", { "data-tile": name }, value), el("span", {}, name));
  const upgrade = status.executor?.upgrade;
  return [
    upgrade ? el("section", { class: "banner" }, link("#/upgrade", `An upgrade is scheduled between heights ${number(upgrade.notBeforeHeight)} and ${number(upgrade.notAfterHeight)}`, "")) : "",
    el("div", { class: "tiles" },
      tile("height", number(status.finalHeight)), tile("epoch", number(status.epoch)), tile("view", number(status.view)),
      tile("final after", median, "from a block's timestamp to its arrival here, median of 10 s"),
      tile("transactions/s", number(Math.round(rate))), tile("waiting", number(status.poolTransactions)),
      tile("peers", number(status.peers)),
      tile("signing", status.signing ? "yes" : "no", status.notSigningReason || "")),
    el("div", { class: "plots" },
      el("section", {}, el("h2", {}, "Height"), plot(live.map((b) => ({ x: b.at, y: b.height })), { label: "Height over time", fromZero: false })),
      el("section", {}, el("h2", {}, "Finality"), plot(live.map((b) => ({ x: b.at, y: b.finality })), { unit: " ms", dots: true, label: "Milliseconds from timestamp to final" })),
      el("section", {}, el("h2", {}, "Transactions a block"), plot(live.map((b) => ({ x: b.at, y: b.txs })), { label: "Transactions a block" }))),
    el("section", {}, el("h1", {}, "Blocks"), table(
      [{ text: "height" }, { text: "block" }, { text: "transactions", class: "num" }, { text: "size", class: "num wide" }, { text: "proposer", class: "num" }, { text: "final after", class: "num" }, { text: "time", class: "wide" }],
      blocks.slice(-15).reverse().map((b) => [link(`#/block/${b.height}`, number(b.height), ""), link(`#/block/${b.height}`, short(b.id)),
        number(b.txs), size(b.bytes), String(b.proposer), b.finality === null ? "–" : `${b.finality} ms`, time(b.stamp)]))),
    el("section", {}, el("h1", {}, "Validators"), table(
      [{ text: "#", class: "num" }, { text: "identity" }, { text: "power", class: "num" }, { text: "state" }, { text: "last vote", class: "num" }],
      validators.map((v, i) => [String(i), identity(hex(v.validator.networkKey), names.get(hex(v.validator.networkKey)) || v.moniker),
        number(v.validator.power), state(v, i, status), number(v.lastVoteHeight)]))),
  ];
}

const identity = (key, moniker) => el("span", { title: key }, moniker ? link(`#/validator/${key}`, moniker, "") : "", " ", el("span", { class: "hash" }, short(key)));

function state(v, index, status) {
  if (index === (status.validatorIndex ?? 0)) return el("span", { class: "good" }, status.signing ? "this node, signing" : "this node, silent");
  if (!v.connected) return el("span", { class: "bad" }, "not connected");
  const behind = Number(status.finalHeight || 0) - Number(v.lastVoteHeight || 0);
  return behind > 200 ? el("span", { class: "bad" }, "silent") : el("span", { class: "good" }, "voting");
}
