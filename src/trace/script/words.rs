//! A line of a script, cut into words.
//!
//! Words stand between blanks. `"..."` is a string of bytes: UTF-8 as it stands, `\n`, `\r`, `\t`,
//! `\0`, `\"`, `\\`, and any byte as `\x` and two hexadecimal digits. `#` begins a remark.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

/// The words of one line that are not yet used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    rest: VecDeque<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Bare(String),
    Quoted(Vec<u8>),
}

impl Words {
    /// Cuts a line.
    ///
    /// # Errors
    ///
    /// A string that does not end, or has an escape that does not exist.
    pub fn of(line: &str) -> Result<Self, String> {
        let mut rest = VecDeque::new();
        let mut line = line.trim_start();
        while let Some(first) = line.chars().next().filter(|&first| first != '#') {
            if let Some(quoted) = line.strip_prefix('"') {
                let (bytes, behind) = unquote(quoted)?;
                rest.push_back(Word::Quoted(bytes));
                line = behind;
            } else {
                let blank = line.find(char::is_whitespace).unwrap_or(line.len());
                let (word, behind) = line.split_at(blank.max(first.len_utf8()));
                rest.push_back(Word::Bare(word.to_owned()));
                line = behind;
            }
            line = line.trim_start();
        }
        Ok(Self { rest })
    }

    /// The next word, if it is one without quotes.
    pub fn word(&mut self) -> Option<String> {
        self.word_if(|_| true)
    }

    /// The next word without quotes, if it is as wanted.
    pub fn word_if(&mut self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        match self.rest.front() {
            Some(Word::Bare(word)) if wanted(word) => {}
            _ => return None,
        }
        match self.rest.pop_front() {
            Some(Word::Bare(word)) => Some(word),
            _ => None,
        }
    }

    /// The next word, which must be there.
    pub fn expect(&mut self, what: &str) -> Result<String, String> {
        self.word().ok_or_else(|| format!("here must stand {what}"))
    }

    /// The next string, if there is one here.
    pub fn quoted(&mut self) -> Option<Vec<u8>> {
        match self.rest.front() {
            Some(Word::Quoted(_)) => {}
            _ => return None,
        }
        match self.rest.pop_front() {
            Some(Word::Quoted(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// A number, in decimal.
    pub fn number<N: FromStr>(&mut self) -> Result<N, String> {
        let word = self.expect("a number")?;
        let number = word.parse();
        number.map_err(|_| format!("here must stand a number, not {word:?}"))
    }

    /// A time: `25s`, `500ms`, `2m`.
    pub fn time(&mut self) -> Result<Duration, String> {
        let word = self.expect("a time")?;
        let unit = word.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = word.split_at(unit.unwrap_or(word.len()));
        match (number.parse(), unit) {
            (Ok(number), "ms") => Ok(Duration::from_millis(number)),
            (Ok(number), "s") => Ok(Duration::from_secs(number)),
            (Ok(number), "m") => Ok(Duration::from_secs(number.saturating_mul(60))),
            _ => Err(format!("a time is like 25s, 500ms or 2m, not {word:?}")),
        }
    }

    /// Hexadecimal digits, in words of any length, as long as there are some.
    pub fn hex(&mut self) -> Result<Vec<u8>, String> {
        let mut digits = String::new();
        let is_hex = |word: &str| word.chars().all(|c| c.is_ascii_hexdigit());
        while let Some(word) = self.word_if(is_hex) {
            digits.push_str(&word);
        }
        bytes_of_hex(&digits)
    }

    /// Some bytes: strings and `hex`, one behind another; a string may be repeated with `*`.
    pub fn payload(&mut self) -> Result<Vec<u8>, String> {
        let mut payload = Vec::new();
        loop {
            if let Some(bytes) = self.quoted() {
                let times = match self.word_if(|word| word == "*") {
                    Some(_) => self.number()?,
                    None => 1,
                };
                payload.extend(bytes.repeat(times));
            } else if self.word_if(|word| word == "hex").is_some() {
                payload.extend(self.hex()?);
            } else {
                return Ok(payload);
            }
        }
    }

    /// Nothing may be left.
    pub fn end(&mut self) -> Result<(), String> {
        match self.rest.pop_front() {
            None => Ok(()),
            Some(Word::Bare(word)) => Err(format!("{word:?} is one word too many")),
            Some(Word::Quoted(_)) => Err("here may not stand a string".to_owned()),
        }
    }
}

/// The bytes that these hexadecimal digits stand for.
pub fn bytes_of_hex(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        digits.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    let digits = digits.ok_or("only hexadecimal digits may stand here")?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err("a byte is two hexadecimal digits, and here is one too many".to_owned());
    };
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The bytes as they would stand in a script: a string where that is readable, else hexadecimal.
pub fn quote(bytes: &[u8]) -> String {
    if let [first, rest @ ..] = bytes
        && rest.len() > 16
        && first.is_ascii_graphic()
        && rest.iter().all(|byte| byte == first)
    {
        return format!("{} * {}", quote(&[*first]), bytes.len());
    }
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c)) => {
            let mut quoted = String::from('"');
            for c in text.chars() {
                match c {
                    '\n' => quoted.push_str("\\n"),
                    '\r' => quoted.push_str("\\r"),
                    '\t' => quoted.push_str("\\t"),
                    '"' | '\\' => quoted.extend(['\\', c]),
                    c => quoted.push(c),
                }
            }
            quoted + "\""
        }
        _ => format!("hex {}", hex(bytes)),
    }
}

/// The bytes in hexadecimal, with blanks between them.
pub fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// Reads a string up to its closing quote, and tells what is behind that.
fn unquote(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let special = rest.find(['"', '\\']);
        let special = special.ok_or("a string does not end on its line")?;
        let (plain, behind) = rest.split_at(special);
        bytes.extend_from_slice(plain.as_bytes());
        if let Some(behind) = behind.strip_prefix('"') {
            return Ok((bytes, behind));
        }
        let mut behind = behind.chars();
        behind.next();
        match behind.next() {
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('"') => bytes.push(b'"'),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits = behind.as_str().get(..2);
                let digits = digits.ok_or("after \\x come two hexadecimal digits")?;
                bytes.extend(bytes_of_hex(digits)?);
                behind = behind.as_str().get(2..).unwrap_or_default().chars();
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(format!("\\{other} means nothing in a string"));
            }
        }
        rest = behind.as_str();
    }
}
