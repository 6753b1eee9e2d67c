//! The names of users and rooms.
//!
//! A name is what one person types to reach another, and what the other sees. Two names that look
//! the same must therefore be the same, as far as that can be had without a table of look-alikes:
//! spellings of one text that Unicode calls equivalent are one name (NFC), and characters that
//! leave no trace on the screen are refused.
//!
//! What this deliberately does not do: it does not fold case, and it does not compare scripts
//! (a Cyrillic `а` is not a Latin `a`). Emoji that are joined or varied by invisible characters
//! are refused with those characters.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The most bytes that a name may have, in UTF-8 and NFC. It is repeated in every message that is
/// relayed, and people read it.
pub const MAX_NAME: usize = 64;

/// No name is normalised whose spelling is longer than this, so that the work is bounded. NFC
/// makes text shorter by a factor of three where it is composed (Hangul, Greek), and a little more
/// where compatibility singletons are involved.
const MAX_SPELLING: usize = 4 * MAX_NAME;

/// A name that may be used: 1 to [`MAX_NAME`] bytes in NFC, without characters that cannot be
/// seen, and without a space at either end. There is no way to make any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<'a>(Cow<'a, str>);

impl<'a> Name<'a> {
    /// The name that a text spells. It is copied only if it is not in NFC yet.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text, and gives it back.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, InvalidName<'a>> {
        let text = text.into();
        if text.len() > MAX_SPELLING {
            return Err(InvalidName::new(text, Flaw::TooLong));
        }
        let name = if is_nfc(&text) { text } else { Cow::Owned(text.nfc().collect()) };
        // Judged after normalisation: it is the normal form that is stored and shown.
        match flaw(&name) {
            None => Ok(Self(name)),
            Some(flaw) => Err(InvalidName::new(name, flaw)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, with a text of its own, to keep.
    pub fn to_owned(&self) -> Name<'static> {
        Name(Cow::Owned(self.as_str().to_owned()))
    }
}

impl<'a> From<Name<'a>> for Cow<'a, str> {
    fn from(name: Name<'a>) -> Self {
        name.0
    }
}

/// A table by name can be asked with any name's text, however long that lives.
impl Borrow<str> for Name<'_> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

// As the text, which `Borrow` requires.
impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that cannot be a name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl<'a> InvalidName<'a> {
    fn new(text: Cow<'a, str>, flaw: Flaw) -> Self {
        Self { text, flaw }
    }
}

/// What keeps a text from being a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has no characters.
    Empty,
    /// It has more than [`MAX_NAME`] bytes.
    TooLong,
    /// It begins or ends with a space.
    SpaceAtAnEnd,
    /// It has a character that cannot be seen, or that nobody knows how to show.
    Character(char),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong => write!(f, "it has more than {MAX_NAME} bytes"),
            Self::SpaceAtAnEnd => f.write_str("it begins or ends with a space"),
            // By number: shown as itself it would not be seen, or would change what is.
            Self::Character(c) => write!(f, "U+{:04X} is not allowed in it", u32::from(*c)),
        }
    }
}

fn flaw(text: &str) -> Option<Flaw> {
    if text.is_empty() {
        return Some(Flaw::Empty);
    }
    if text.len() > MAX_NAME {
        return Some(Flaw::TooLong);
    }
    if let Some(character) = text.chars().find(|c| !is_visible(*c)) {
        return Some(Flaw::Character(character));
    }
    (text.starts_with(' ') || text.ends_with(' ')).then_some(Flaw::SpaceAtAnEnd)
}

/// Whether a character leaves a trace on the screen that tells it from others.
fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let category_is_visible = !matches!(
        character.general_category(),
        GeneralCategory::Control
            // Format: zero-width joiners, marks that turn the direction of the text, tags.
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            // All spaces but U+0020, from which they could not be told.
            | GeneralCategory::SpaceSeparator
    );
    // Letters, marks and symbols by category, yet nothing is drawn for them.
    let drawn_as_nothing = matches!(
        character,
        '\u{034F}'                    // combining grapheme joiner
            | '\u{115F}' | '\u{1160}' // Hangul fillers
            | '\u{17B4}' | '\u{17B5}' // Khmer inherent vowels
            | '\u{180B}'..='\u{180F}' // Mongolian selectors and vowel separator
            | '\u{2800}'              // the braille pattern without dots
            | '\u{3164}' | '\u{FFA0}' // Hangul fillers
            | '\u{FE00}'..='\u{FE0F}' // variation selectors
            | '\u{E0100}'..='\u{E01EF}'
    );
    category_is_visible && !drawn_as_nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw_of(text: &str) -> Option<Flaw> {
        Name::parse(text).err().map(|invalid| invalid.flaw)
    }

    #[test]
    fn ordinary_names_are_names_and_are_not_copied() {
        let names = ["a", "alice", "Zoë", "王小明", "Иван", "अनिल", "O'Neil \"x\" \\", "🎉"];
        for text in names.into_iter().chain(["__proto__", "constructor", "undefined"]) {
            let name = Name::parse(text).unwrap();
            assert_eq!(name.as_str(), text);
            assert!(matches!(name.0, Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_name_has_1_to_64_bytes_in_nfc() {
        assert_eq!(flaw_of(""), Some(Flaw::Empty));
        assert_eq!(flaw_of(&"a".repeat(64)), None);
        assert_eq!(flaw_of(&"a".repeat(65)), Some(Flaw::TooLong));
        assert_eq!(flaw_of(&"ü".repeat(32)), None);
        assert_eq!(flaw_of(&"ü".repeat(33)), Some(Flaw::TooLong));
        // Decomposed it has 96 bytes; what counts is the normal form.
        assert_eq!(flaw_of(&"u\u{308}".repeat(32)), None);
        assert_eq!(flaw_of(&"a".repeat(1_000_000)), Some(Flaw::TooLong));
        assert_eq!(flaw_of(&"\u{301}".repeat(500_000)), Some(Flaw::TooLong));
    }

    #[test]
    fn equivalent_spellings_are_one_name() {
        let same = [
            ("zo\u{e9}", "zoe\u{301}"),
            ("\u{c5}", "\u{212b}"), // the letter, and the sign for Ångström
            ("\u{d55c}", "\u{1112}\u{1161}\u{11ab}"), // a Hangul syllable, and its parts
            ("\u{1ed9}", "o\u{302}\u{323}"), // marks in either order
            ("\u{1ed9}", "o\u{323}\u{302}"),
            ("K", "\u{212a}"), // the sign for Kelvin
        ];
        for (left, right) in same {
            assert_eq!(Name::parse(left), Name::parse(right));
        }
        assert_ne!(Name::parse("alice"), Name::parse("Alice"));
    }

    #[test]
    fn a_space_may_stand_inside_only_and_no_other_white_space_anywhere() {
        assert_eq!(flaw_of("ada lovelace"), None);
        for text in [" ", " a", "a "] {
            assert_eq!(flaw_of(text), Some(Flaw::SpaceAtAnEnd));
        }
        for character in ('\0'..=char::MAX).filter(|c| c.is_whitespace() && *c != ' ') {
            let text = format!("a{character}b");
            assert!(matches!(flaw_of(&text), Some(Flaw::Character(_))), "{text:?}");
        }
    }

    /// Unicode's property Default_Ignorable_Code_Point: what a renderer may draw as nothing.
    const DEFAULT_IGNORABLE: [(u32, u32); 17] = [
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    ];

    #[test]
    fn of_all_characters_no_control_or_invisible_one_is_allowed() {
        for character in '\0'..=char::MAX {
            let ignorable = DEFAULT_IGNORABLE
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&u32::from(character)));
            let private = matches!(
                u32::from(character),
                0xE000..=0xF8FF | 0xF0000..=0xFFFFF | 0x10_0000..
            );
            let separator = matches!(character, '\u{2028}' | '\u{2029}' | '\u{2800}');
            if character.is_control() || ignorable || private || separator {
                let flaw = flaw_of(&format!("a{character}b"));
                assert_eq!(flaw, Some(Flaw::Character(character)));
            }
        }
        for noncharacter in ['\u{378}', '\u{FDD0}', '\u{FFFE}', '\u{10FFFF}'] {
            assert_eq!(flaw_of(&noncharacter.to_string()), Some(Flaw::Character(noncharacter)));
        }
    }

    #[test]
    fn whatever_one_character_gives_is_a_name_again() {
        let mut names = 0;
        for character in '\0'..=char::MAX {
            if let Ok(name) = Name::parse(character.to_string()) {
                assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                names += 1;
            }
        }
        assert!(names > 100_000, "only {names} characters are names");
    }

    #[test]
    fn a_flaw_names_a_character_by_number() {
        let flaw = Name::parse("ali\u{202e}ce").unwrap_err().flaw;
        assert_eq!(flaw.to_string(), "U+202E is not allowed in it");
        assert!(flaw.to_string().is_ascii());
    }
}
