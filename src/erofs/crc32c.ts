const POLYNOMIAL = 0x82f6_3b78;
const table = makeTable();

/** CRC-32C (Castagnoli) as EROFS wants it: continued from `crc`, without the final inversion. */
export function crc32c(bytes: Uint8Array, crc = 0xffff_ffff): number {
  let rest = crc;
  for (const byte of bytes) rest = (table[(rest ^ byte) & 0xff] as number) ^ (rest >>> 8);
  return rest >>> 0;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? POLYNOMIAL ^ (rest >>> 1) : rest >>> 1;
    return rest;
  });
}
