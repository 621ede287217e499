#!/usr/bin/python3
"""Writes schema/lookalikes.def from the Unicode data of the ICU library. Debian package: python3-icu.

    python3 schema/lookalikes.py > schema/lookalikes.def

Run it by hand for a new version of Unicode, then run `node schema/wire_table.mjs` and make-vectors. docs/protocol.md,
section 7, "Names that look alike", says what the table means.
"""
import icu

TO_BYTES = 12  # longest replacement, in UTF-8; longer ones are cut at a whole character
SEMI_VOICED = (0x3099, 0x309A)  # Japanese voicing marks: they make another letter, unlike accents
SIGMA, FINAL_SIGMA = 0x3C3, 0x3C2  # one letter with two lower-case forms
HANGUL = range(0xAC00, 0xD7A4)  # not listed: C decomposes these by arithmetic
NOT_ASSIGNED_TO_LETTERS = (range(0xD800, 0xF900), range(0xF0000, 0x110000))  # surrogates, private use

category = icu.UCharCategory
PUNCTUATION = {
    category.DASH_PUNCTUATION,
    category.START_PUNCTUATION,
    category.END_PUNCTUATION,
    category.CONNECTOR_PUNCTUATION,
    category.OTHER_PUNCTUATION,
    category.INITIAL_PUNCTUATION,
    category.FINAL_PUNCTUATION,
}
MARKS = {category.NON_SPACING_MARK, category.ENCLOSING_MARK}
spoof = icu.SpoofChecker()
nfkd = icu.Normalizer2.getNFKDInstance()


def is_dropped(c):
    """Returns whether a reader cannot see the character, or does not tell names apart by it."""
    has = icu.Char.hasBinaryProperty
    if c == 0x2800 or has(c, icu.UProperty.DEFAULT_IGNORABLE_CODE_POINT) or has(c, icu.UProperty.WHITE_SPACE):
        return True
    kind = icu.Char.charType(c)
    if kind in MARKS:
        return c not in SEMI_VOICED and icu.Script.getScript(c).getShortName() in ('Zinh', 'Zyyy')
    return kind in PUNCTUATION or kind == category.CONTROL_CHAR


def decomposed(text):
    return ''.join(c for c in nfkd.normalize(text) if not is_dropped(ord(c)))


def look_of(text):
    """Returns one text for all texts that look alike; applied until nothing changes."""
    while True:
        plain = decomposed(text)
        after = spoof.getSkeleton(0, plain) if plain else plain
        if after == text:
            return text
        text = after


def cut(text):
    while len(text.encode()) > TO_BYTES:
        text = text[:-1]
    return text


def main():
    skipped = (HANGUL, *NOT_ASSIGNED_TO_LETTERS)
    looks, dropped, lower = {}, [], {}
    for c in (c for c in range(0x110000) if not any(c in part for part in skipped)):
        look = look_of(chr(c))
        if not look:
            if dropped and dropped[-1][1] == c - 1:
                dropped[-1][1] = c
            else:
                dropped.append([c, c])
        elif look != chr(c):
            looks[c] = look
        small = SIGMA if c == FINAL_SIGMA else icu.Char.tolower(c)
        if small != c:
            lower[c] = small

    def by_nfkd(c):
        parts = decomposed(chr(c))
        return parts != chr(c) and ''.join(looks.get(ord(p), p) for p in parts) == looks[c] == cut(looks[c])

    print(HEAD % icu.UNICODE_VERSION)
    for first, last in dropped:
        print(f'PL_LOOK_DROPPED(0x{first:04x}, 0x{last:04x})')
    for c, look in looks.items():
        print(f'PL_LOOK{"_NFKD" if by_nfkd(c) else ""}(0x{c:04x}, "{cut(look)}")')
    for c, to in lower.items():
        print(f'PL_LOOK_LOWER(0x{c:04x}, 0x{to:04x})')
    print(TAIL)


HEAD = '''/* Characters that look alike, from Unicode %s. Made by schema/lookalikes.py: do not edit. Sorted by number.
 *
 *   PL_LOOK_DROPPED(first, last)    tells no two names apart: invisible, white space, punctuation, accent
 *   PL_LOOK(character, "text")      looks like this text (UTS #39, confusables.txt)
 *   PL_LOOK_NFKD(character, "text") the same, but it also follows from the other rows and Unicode's decomposition NFKD
 *   PL_LOOK_LOWER(character, lower) its lower case; a final sigma becomes a sigma
 *
 * The data are derived from the Unicode Character Database and confusables.txt, Copyright (c) Unicode, Inc., under the
 * Unicode License V3 (https://www.unicode.org/license.txt). docs/protocol.md, section 7, says how they are used. */
#ifndef PL_LOOK_DROPPED
#define PL_LOOK_DROPPED(first, last)
#endif
#ifndef PL_LOOK
#define PL_LOOK(character, text)
#endif
#ifndef PL_LOOK_NFKD
#define PL_LOOK_NFKD(character, text)
#endif
#ifndef PL_LOOK_LOWER
#define PL_LOOK_LOWER(character, lower)
#endif'''

TAIL = '''#undef PL_LOOK_DROPPED
#undef PL_LOOK
#undef PL_LOOK_NFKD
#undef PL_LOOK_LOWER'''

if __name__ == '__main__':
    main()
