// Routes of the page, all behind the '#'.
import { call } from "./rpc.js";
import { el } from "./dom.js";
import { livePage } from "./live.js";
import { blockPage, txPage, accountPage, search } from "./pages.js";
import { validatorsPage, validatorPage, epochsPage, upgradePage } from "./validators.js";

const view = document.getElementById("view");
let leave = () => {};

function notice(text) {
  const node = document.getElementById("notice");
  node.textContent = text;
  node.hidden = !text;
}

async function route() {
  leave();
  leave = () => {};
  notice("");
  const [, page, key] = location.hash.split("/");
  for (const a of document.querySelectorAll("#nav a")) a.className = a.hash === (page ? `#/${page}` : "#/") ? "here" : "";
  try {
    if (!page) leave = livePage(view, notice);
    else if (page === "block") await blockPage(view, key);
    else if (page === "tx") await txPage(view, key);
    else if (page === "account") await accountPage(view, key);
    else if (page === "validators") await validatorsPage(view);
    else if (page === "validator") await validatorPage(view, key);
    else if (page === "epochs") await epochsPage(view, key);
    else if (page === "upgrade") await upgradePage(view);
    else throw new Error("there is no such page");
  } catch (err) {
    view.replaceChildren(el("section", {}, el("h1", {}, "Not found"), el("p", {}, err.message), el("p", {}, el("a", { href: "#/" }, "To the newest blocks"))));
  }
}

document.getElementById("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    location.hash = await search(document.getElementById("query").value.trim().toLowerCase());
  } catch (err) {
    notice(err.message);
  }
});

addEventListener("hashchange", route);
call("GetStatus").then((s) => {
  document.getElementById("chain").textContent = s.chainId || "";
  document.getElementById("node").textContent = `version ${s.version || "?"}`;
}).catch(() => {});
route();
