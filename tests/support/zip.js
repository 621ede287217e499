/** Reads what a ZIP archive says about its entries: name, size, and time of change to two seconds, as a local time. */

const ENTRY = 0x02014b50;
const END = 0x06054b50;

/** @param {Buffer} bytes @returns {{name: string, size: number, modified: Date}[]} in the order of the archive */
export function zipEntries(bytes) {
  const end = bytes.lastIndexOf(Uint8Array.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || bytes.readUInt32LE(end) !== END) throw new Error('not an archive');
  const entries = [];
  for (let at = bytes.readUInt32LE(end + 16); at < end && bytes.readUInt32LE(at) === ENTRY;) {
    const [time, date] = [bytes.readUInt16LE(at + 12), bytes.readUInt16LE(at + 14)];
    const [name, extra, comment] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place));
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + name),
      size: bytes.readUInt32LE(at + 24),
      modified: new Date(
        1980 + (date >> 9),
        ((date >> 5) & 15) - 1,
        date & 31,
        time >> 11,
        (time >> 5) & 63,
        2 * (time & 31),
      ),
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}
