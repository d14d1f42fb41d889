// Validators, one of them with its history, epochs, and a scheduled upgrade.
import { call } from "./rpc.js";
import { bar, el, facts, link, number, pill, short, table, time } from "./dom.js";
import { address } from "./bech32m.js";
import { changes, maxEpochs, quorum, readBoundary, readEpochs, readHolders, readMembers, readScheduled } from "./chain.js";
import { readHolder, readValidator } from "./ledger.js";

const epochsShown = 25;

const title = (name, monikers) => link(`#/validator/${name}`, monikers.get(name) || short(name), monikers.get(name) ? "" : "hash");

export async function validatorsPage(view) {
  const [members, scheduled, { epoch, finalTimeMs }] = await Promise.all([readMembers(), readScheduled(), call("GetStatus")]);
  if (!members) throw new Error("this chain's executor keeps no validators: the front page has the set of the present epoch");
  const order = { active: 0, candidate: 1, jailed: 2 };
  members.sort((a, b) => order[a.status] - order[b.status]);
  const total = members.filter((m) => m.status === "active").reduce((n, m) => n + m.power, 0);
  view.replaceChildren(
    el("section", {}, el("h1", {}, "Validators"), el("p", { class: "soft" }, `epoch ${number(epoch)}, power ${number(total)}`), table(
      [{ text: "validator" }, { text: "state" }, { text: "power", class: "num" }, { text: "maintenance" }, { text: "identity", class: "wide" }, { text: "since height", class: "num wide" }],
      members.map((m) => [link(`#/validator/${m.name}`, m.moniker || short(m.name), ""), state(m), number(m.power), lease(m, finalTimeMs),
        el("span", { class: "hash", title: m.identity }, short(m.identity)), link(`#/block/${m.since}`, number(m.since), "")]))),
    upgradeSection(scheduled, members, null),
    await evidenceSection(members));
}

function state(m) {
  if (m.status === "candidate") return pill(m.ready ? "candidate, ready" : "candidate, not ready", m.ready ? "good" : "soft");
  return pill(m.status, m.status === "active" ? "good" : "bad");
}

function lease(m, now) {
  if (!m.leaseEnd) return "–";
  return Number(now || 0) < m.leaseEnd ? `until ${time(m.leaseEnd)}` : "ended";
}

// evidenceSection shows why jailed validators were: the evidence stands in the
// block that ended the epoch.
async function evidenceSection(members) {
  const jailed = members.filter((m) => m.jailedEpoch).slice(0, 20);
  const rows = [];
  for (const m of jailed) {
    const [next] = await readEpochs(m.jailedEpoch + 1, 1);
    if (!next) continue;
    for (const e of await readBoundary(next)) {
      rows.push([link(`#/validator/${m.name}`, m.moniker || short(m.name), ""), `${e.kind}, epoch ${number(e.epoch)}, by its validator ${e.validator}`,
        link(`#/block/${next.first - 1}`, number(next.first - 1), "")]);
    }
  }
  return el("section", {}, el("h1", {}, "Evidence"), rows.length
    ? table([{ text: "jailed" }, { text: "for" }, { text: "block", class: "num" }], rows)
    : el("p", { class: "soft" }, jailed.length ? "The blocks with it are not kept here." : "None of these validators was ever jailed."));
}

export async function validatorPage(view, key) {
  let q = await call("Query", { path: `validator/${key}`, prove: true });
  let name = key;
  if (q.code || q.absent || !q.value) {
    const holder = await call("Query", { path: `key_holder/${key}` });
    if (holder.code || !holder.value) throw new Error(`no validator has the name or a key ${key}`);
    name = readHolder(holder.value);
    q = await call("Query", { path: `validator/${name}`, prove: true });
  }
  const v = readValidator(q.value);
  const { epoch, finalTimeMs } = await call("GetStatus");
  const newest = Number(epoch), from = Math.max(1, newest - maxEpochs + 1);
  const epochs = await readEpochs(from, maxEpochs);
  const holders = await readHolders(epochs);
  const history = epochs.flatMap((e, i) => (i === 0 && from > 1 ? [] : changes(epochs[i - 1], e, holders))
    .filter((c) => c.name === name).map((c) => [link("#/epochs", number(e.number), ""), link(`#/block/${e.first}`, number(e.first), ""), c.what, c.text]));
  if (v.jailedEpoch) history.push([link("#/epochs", number(v.jailedEpoch), ""), "", pill("jailed", "bad"), "by evidence in the last block of that epoch"]);
  const none = /^0+$/;
  view.replaceChildren(
    el("section", {}, el("h1", {}, v.moniker || "Validator"), facts([
      ["name", el("span", { class: "hash" }, name)], ["state", state(v)], ["since", link(`#/block/${v.since}`, `height ${number(v.since)}`, "")], ["power", number(v.power)],
      ["identity", el("span", { class: "hash" }, v.identity)], ["consensus key", el("span", { class: "hash" }, v.consensusKey)],
      ["owner", link(`#/account/${address(v.owner)}`, address(v.owner))],
      ["delegate's key", none.test(v.delegate) ? "none" : el("span", { class: "hash" }, v.delegate)],
      ["maintenance", lease(v, finalTimeMs)], ["as of height", number(q.height)],
    ])),
    el("section", {}, el("h1", {}, "History"), from > 1 ? el("p", { class: "soft" }, `the newest ${number(maxEpochs)} epochs`) : "", history.length
      ? table([{ text: "epoch", class: "num" }, { text: "from height", class: "num" }, { text: "what" }, { text: "" }], history.reverse())
      : el("p", { class: "soft" }, "It has not been in the set of an epoch.")));
}

export async function epochsPage(view, before) {
  const { epoch } = await call("GetStatus");
  const newest = Math.min(Number(epoch), Number(before) || Number(epoch));
  const from = Math.max(1, newest - epochsShown + 1);
  // One more in front: changes are against the epoch before.
  const epochs = await readEpochs(Math.max(1, from - 1), newest - from + 1 + (from > 1 ? 1 : 0));
  const [members, holders] = await Promise.all([readMembers(), readHolders(epochs)]);
  const monikers = new Map((members || []).map((m) => [m.name, m.moniker]));
  const shown = epochs.filter((e) => e.number >= from);
  const evidence = await Promise.all(shown.map(readBoundary));
  const sections = shown.map((e, i) => {
    const previous = epochs.find((p) => p.number === e.number - 1);
    const list = changes(previous, e, holders).map((c) => [title(c.name, monikers), c.what, c.text]);
    for (const ev of evidence[i]) list.push([pill("evidence", "bad"), ev.kind, `epoch ${number(ev.epoch)}, validator ${ev.validator}`]);
    const upgraded = previous && previous.executor !== e.executor;
    return el("section", { "data-epoch": String(e.number) }, el("h1", {}, `Epoch ${number(e.number)}`), facts([
      ["from height", link(`#/block/${e.first}`, number(e.first), "")],
      ["validators", `${e.set.length}, power ${number(e.set.reduce((n, v) => n + v.power, 0))}`],
      ["executor", el("span", {}, el("span", { class: "hash", title: e.executor }, short(e.executor)), ` engine ${e.engine} `, upgraded ? pill("upgraded", "good") : "")],
    ]), list.length ? table([{ text: "validator" }, { text: "what" }, { text: "" }], list) : el("p", { class: "soft" }, "the same validators: limits, parameters or executor changed"));
  });
  view.replaceChildren(...sections.reverse(),
    el("p", {}, newest < Number(epoch) ? link(`#/epochs/${Math.min(Number(epoch), newest + epochsShown)}`, "‹ newer ", "") : "", from > 1 ? link(`#/epochs/${from - 1}`, "older ›", "") : ""));
}

export async function upgradePage(view) {
  const [members, scheduled, status] = await Promise.all([readMembers(), readScheduled(), call("GetStatus")]);
  view.replaceChildren(upgradeSection(scheduled, members || [], status));
}

const readiness = { MISSING: "the module is not here yet: it is asked of peers", REHEARSING: "it is compiled and rehearsed", UNREADY: "it will not do here", READY: "ready", ANNOUNCED: "ready, and the chain knows" };

function upgradeSection(u, members, status) {
  if (!u) return el("section", {}, el("h1", {}, "Upgrade"), el("p", { class: "soft" }, "No other executor is scheduled."));
  const active = members.filter((m) => m.status === "active");
  const total = active.reduce((n, m) => n + m.power, 0);
  const ready = active.filter((m) => u.ready.has(m.name)).reduce((n, m) => n + m.power, 0);
  const where = u.height < u.notBefore ? `begins in ${number(u.notBefore - u.height)} heights` : u.height <= u.notAfter ? `open, ${number(u.notAfter - u.height)} heights left` : "over: it lapses";
  const own = status?.executor?.upgrade;
  return el("section", { "data-upgrade": u.executor }, el("h1", {}, "Scheduled upgrade"), facts([
    ["executor", el("span", { class: "hash" }, u.executor)], ["engine", String(u.engine)],
    ["window", `heights ${number(u.notBefore)} to ${number(u.notAfter)} (${where})`],
    ["ready", el("span", {}, `power ${number(ready)} of ${number(total)}, ${number(quorum(total))} needed`, bar(ready, total, quorum(total)))],
    ["this node", own ? `${readiness[(own.readiness || "").replace("MODULE_READINESS_", "")] || "unknown"}${own.reason ? `: ${own.reason}` : ""}` : null],
  ]), table([{ text: "validator" }, { text: "power", class: "num" }, { text: "state" }],
    active.map((m) => [link(`#/validator/${m.name}`, m.moniker || short(m.name), ""), number(m.power), u.ready.has(m.name) ? pill("ready", "good") : pill("not ready", "soft")])));
}
