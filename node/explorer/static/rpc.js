// The public RPC by Connect with JSON: unary calls, and one server stream.

const service = "/bedrock.node.v1.NodeService/";

export async function call(method, request = {}) {
  const res = await fetch(service + method, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Connect-Protocol-Version": "1" },
    body: JSON.stringify(request),
  });
  const body = await res.json().catch(() => ({}));
  if (!res.ok) throw Object.assign(new Error(body.message || `the node answered ${res.status}`), { code: body.code });
  return body;
}

// stream calls onMessage for each message until the stream ends or fails.
// A message is framed as one byte of flags and four of length.
export async function stream(method, request, onMessage, signal) {
  const json = new TextEncoder().encode(JSON.stringify(request));
  const frame = new Uint8Array(5 + json.length);
  new DataView(frame.buffer).setUint32(1, json.length);
  frame.set(json, 5);
  const res = await fetch(service + method, {
    method: "POST", signal, body: frame,
    headers: { "Content-Type": "application/connect+json", "Connect-Protocol-Version": "1" },
  });
  if (!res.ok || !res.body) throw new Error(`the node answered ${res.status}`);
  const reader = res.body.getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held); joined.set(value, held.length);
    held = joined;
    while (held.length >= 5) {
      const view = new DataView(held.buffer, held.byteOffset);
      const end = 5 + view.getUint32(1);
      if (held.length < end) break;
      const message = JSON.parse(new TextDecoder().decode(held.subarray(5, end)) || "{}");
      if (held[0] & 2) {
        if (message.error) throw new Error(message.error.message || message.error.code);
        return;
      }
      onMessage(message);
      held = held.slice(end);
    }
  }
}

export function bytes(base64) {
  return Uint8Array.from(atob(base64 || ""), (c) => c.charCodeAt(0));
}

export function hex(base64) {
  return Array.from(bytes(base64), (b) => b.toString(16).padStart(2, "0")).join("");
}

export function base64(hexText) {
  let s = "";
  for (let i = 0; i + 1 < hexText.length; i += 2) s += String.fromCharCode(parseInt(hexText.slice(i, i + 2), 16));
  return btoa(s);
}
