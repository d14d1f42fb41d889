// Addresses are 32 bytes in bech32m (BIP 350) behind "bed".
const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", prefix = "bed", constant = 0x2bc830a3;

function polymod(values) {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  let sum = 1;
  for (const v of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ v;
    generator.forEach((g, i) => { if ((top >>> i) & 1) sum ^= g; });
  }
  return sum >>> 0;
}

// address writes 64 hex digits as an address.
export function address(hexText) {
  const groups = [];
  let acc = 0, bits = 0;
  for (let i = 0; i < hexText.length; i += 2) {
    acc = ((acc << 8) | parseInt(hexText.slice(i, i + 2), 16)) & 0xfff;
    for (bits += 8; bits >= 5;) {
      bits -= 5;
      groups.push((acc >>> bits) & 31);
    }
  }
  if (bits) groups.push((acc << (5 - bits)) & 31);
  const codes = [...prefix].map((c) => c.charCodeAt(0));
  const expanded = [...codes.map((c) => c >>> 5), 0, ...codes.map((c) => c & 31)];
  const sum = (polymod([...expanded, ...groups, 0, 0, 0, 0, 0, 0]) ^ constant) >>> 0;
  const check = [0, 1, 2, 3, 4, 5].map((i) => (sum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...groups, ...check].map((g) => letters[g]).join("")}`;
}
