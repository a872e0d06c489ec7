"""Active sets as bit masks, and the set of all masks seen: an open-addressing table over a list that is the queue."""

from typing import Any, Self

import numpy as np

from mpc.explicit.compiled import compiled, lean

WORD = 64
FIRST_ROOM = 1024


@lean
def members(mask: np.ndarray, rows: np.ndarray) -> int:
    """Write the numbers of the set bits into `rows`, in order; return how many there are."""
    count = 0
    for word in range(len(mask)):
        bits = mask[word]
        position = word * 64
        while bits != 0:
            if bits & np.uint64(1):
                rows[count] = position
                count += 1
            bits = bits >> np.uint64(1)
            position += 1
    return count


@lean
def copy_mask(mask: np.ndarray, target: np.ndarray) -> None:
    """Write the mask over another one."""
    for word in range(len(mask)):
        target[word] = mask[word]


@lean
def with_bit(mask: np.ndarray, row: int) -> None:
    """Set the bit of a row."""
    mask[row // 64] |= np.uint64(1) << np.uint64(row % 64)


@lean
def without_bit(mask: np.ndarray, row: int) -> None:
    """Clear the bit of a row."""
    mask[row // 64] &= ~(np.uint64(1) << np.uint64(row % 64))


@lean
def _slot(mask: np.ndarray, store: np.ndarray, table: np.ndarray) -> int:
    """Return the place in the table of a mask, or the empty place where it belongs."""
    code = np.uint64(0x9E3779B97F4A7C15)
    for word in mask:
        code = (code ^ word) * np.uint64(0xBF58476D1CE4E5B9)
        code ^= code >> np.uint64(29)
    place: Any = np.int64(code & np.uint64(len(table) - 1))
    while table[place] >= 0:
        same = True
        for word in range(len(mask)):
            if store[table[place], word] != mask[word]:
                same = False
                break
        if same:
            return place
        place = (place + 1) & (len(table) - 1)
    return place


@lean
def _insert(masks: np.ndarray, store: np.ndarray, table: np.ndarray, size: int) -> int:
    """Append every mask that is not in the store yet; return the new size."""
    for i in range(len(masks)):
        place = _slot(masks[i], store, table)
        if table[place] < 0:
            table[place] = size
            copy_mask(masks[i], store[size])
            size += 1
    return size


@compiled
def _table(store: np.ndarray, size: int, places: int) -> np.ndarray:
    """Return a table of that many places (a power of 2) for the first `size` masks."""
    table = np.full(places, -1, np.int64)
    for i in range(size):
        table[_slot(store[i], store, table)] = i
    return table


class SeenSets:
    """Every active set met so far, in the order in which they were met; a set is stored once."""

    def __init__(self, words: int) -> None:
        self._store = np.zeros((FIRST_ROOM, words), np.uint64)
        self._table = _table(self._store, 0, 2 * FIRST_ROOM)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self._store.nbytes + self._table.nbytes

    def __getitem__(self, places: slice) -> np.ndarray:
        """Return the masks of a slice, (b, words)."""
        return self._store[: self._size][places]

    def add(self, masks: np.ndarray) -> Self:
        """Append the masks that are new, in order."""
        needed = self._size + len(masks)
        if needed > len(self._store):
            room = 1 << int(needed - 1).bit_length()
            store = np.zeros((room, self._store.shape[1]), np.uint64)
            store[: self._size] = self._store[: self._size]
            self._store, self._table = store, _table(store, self._size, 2 * room)
        self._size = _insert(masks, self._store, self._table, self._size)
        return self


def packed(sets: list[tuple[int, ...]], words: int) -> np.ndarray:
    """Return the masks (b, words) of sets of row numbers."""
    masks = np.zeros((len(sets), words), np.uint64)
    for mask, rows in zip(masks, sets, strict=True):
        for row in rows:
            mask[row // WORD] |= np.uint64(1) << np.uint64(row % WORD)
    return masks


def unpacked(masks: np.ndarray, rows: int) -> np.ndarray:
    """Return a boolean array (b, rows): which rows each mask holds."""
    bits = np.unpackbits(np.ascontiguousarray(masks).view(np.uint8), axis=1, bitorder="little")
    return bits[:, :rows].astype(bool)
