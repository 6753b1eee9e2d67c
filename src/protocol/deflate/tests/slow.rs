//! RFC 1951 once more, bit by bit: to judge what a library makes by something other than itself.

/// What the length codes stand for, and how many extra bits they have: RFC 1951, 3.2.5.
const LENGTHS: [(usize, u32); 29] = {
    let mut table = [(0, 0); 29];
    let (mut code, mut base) = (0, 3);
    while code < 28 {
        let extra = if code < 8 { 0 } else { code as u32 / 4 - 1 };
        table[code] = (base, extra);
        base += 1 << extra;
        code += 1;
    }
    table[28] = (258, 0);
    table
};

/// The order of the code lengths for the code length alphabet: RFC 1951, 3.2.7.
const CODE_LENGTH_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Remembers everything it ever inflated, and how far back it had to look.
#[derive(Default)]
pub(super) struct SlowInflater {
    history: Vec<u8>,
    pub(super) farthest: usize,
}

struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// A Huffman code: how many codes have each length, and the symbols in the order of their codes.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl SlowInflater {
    /// One that has seen nothing, but goes on with the count of another.
    pub(super) fn after(other: &Self) -> Self {
        Self { history: Vec::new(), farthest: other.farthest }
    }

    /// Inflates blocks to the end of the input, none of which may have BFINAL set.
    pub(super) fn inflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let start = self.history.len();
        let mut bits = Bits { bytes, position: 0 };
        while bits.position < bytes.len() * 8 {
            assert_eq!(bits.take(1), 0, "BFINAL");
            match bits.take(2) {
                0 => self.stored(&mut bits),
                1 => {
                    let lengths = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
                    self.compressed(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]));
                }
                2 => {
                    let (literals, distances) = bits.dynamic_codes();
                    self.compressed(&mut bits, &literals, &distances);
                }
                _ => panic!("reserved block type"),
            }
        }
        self.history[start..].to_vec()
    }

    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.position = bits.position.next_multiple_of(8);
        let length = bits.take(16);
        assert_eq!(bits.take(16), !length & 0xffff);
        for _ in 0..length {
            self.history.push(bits.take(8) as u8);
        }
    }

    fn compressed(&mut self, bits: &mut Bits<'_>, literals: &Code, distances: &Code) {
        loop {
            match bits.symbol(literals) {
                literal @ 0..256 => self.history.push(literal as u8),
                256 => return,
                code => {
                    let (base, extra) = LENGTHS[code - 257];
                    let length = base + bits.take(extra);
                    let code = bits.symbol(distances);
                    let extra = (code as u32 / 2).saturating_sub(1);
                    let base = if code < 2 { code } else { (2 + code % 2) << extra };
                    let distance = 1 + base + bits.take(extra);
                    self.farthest = self.farthest.max(distance);
                    for _ in 0..length {
                        self.history.push(self.history[self.history.len() - distance]);
                    }
                }
            }
        }
    }
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> usize {
        (0..count).fold(0, |value, place| {
            let bit = (self.bytes[self.position / 8] >> (self.position % 8)) & 1;
            self.position += 1;
            value | (usize::from(bit) << place)
        })
    }

    fn symbol(&mut self, code: &Code) -> usize {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for count in &code.counts[1..] {
            value |= self.take(1);
            if value < first + count {
                return code.symbols[index + value - first];
            }
            index += count;
            first = (first + count) * 2;
            value *= 2;
        }
        panic!("no such code")
    }

    fn dynamic_codes(&mut self) -> (Code, Code) {
        let (literals, distances) = (257 + self.take(5), 1 + self.take(5));
        let count = 4 + self.take(4);
        let mut lengths = [0; 19];
        for place in &CODE_LENGTH_ORDER[..count] {
            lengths[*place] = self.take(3);
        }
        let code = Code::new(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&code) {
                16 => (lengths[lengths.len() - 1], 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (length, 1),
            };
            lengths.extend(std::iter::repeat_n(length, times));
        }
        let (literals, distances) = lengths.split_at(literals);
        (Code::new(literals), Code::new(distances))
    }
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for (length, count) in counts.iter_mut().enumerate().skip(1) {
            let before = symbols.len();
            symbols.extend((0..lengths.len()).filter(|&symbol| lengths[symbol] == length));
            *count = symbols.len() - before;
        }
        Self { counts, symbols }
    }
}
