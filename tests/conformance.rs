//! Keeps `src/manual/conformance.md` true: what it names is there, and it counts right. The same for
//! `src/manual/attacks.md`.
//!
//! That a test proves what its row says is for a reader to judge. That it exists, and that the code
//! of the row exists, is judged here; and that no rule of the table of violations is without a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use wigwag::protocol::{CloseCode, Violation};

const PAGE: &str = "src/manual/conformance.md";
const HEAD: [&str; 5] = ["Section", "Requirement", "Binds", "Kept in", "Proved by"];
const NO_TEST: &str = "no test";

const ATTACKS: &str = "src/manual/attacks.md";
const ATTACKS_HEAD: [&str; 5] = ["#", "Elsewhere", "Here", "Proved by", "Seen to fail with"];

/// The first words of a cell that tells why there is no code, or not enough, and how the page
/// counts such rows.
const OTHERWISE: [(&str, &str); 4] = [
    ("kept but for: ", "kept but for a case"),
    ("not kept: ", "not kept"),
    ("left to the caller: ", "left to the caller"),
    ("not applicable: ", "not applicable"),
];

struct Row {
    line: usize,
    rfc: u16,
    cells: Vec<String>,
}

impl Row {
    /// How the page counts this row.
    fn kind(&self) -> &'static str {
        let otherwise = OTHERWISE.iter().find(|(words, _)| self.cells[3].starts_with(words));
        otherwise.map_or("kept", |(_, kind)| kind)
    }

    /// What is wrong with it.
    fn faults(&self) -> Vec<String> {
        let [section, requirement, binds, kept, proved] = &self.cells[..] else {
            return vec![format!("{} cells", self.cells.len())];
        };
        let mut faults = Vec::new();
        if self.cells.iter().any(String::is_empty) {
            faults.push("an empty cell".to_owned());
        }
        if numbers(section).is_none() {
            faults.push(format!("`{section}` is no section"));
        }
        if !["server", "client", "both"].contains(&binds.as_str()) {
            faults.push(format!("`{binds}` is not who could be bound"));
        }
        if requirement.matches('"').count() % 2 != 0 {
            faults.push("a quote that does not end".to_owned());
        }
        if self.kind() == "kept" && !kept.starts_with('`') {
            faults.push("neither code nor a reason why there is none".to_owned());
        }
        for reference in references(kept) {
            faults.extend(symbol(reference).err());
        }
        let tests = references(proved);
        if tests.is_empty() != (proved == NO_TEST) {
            faults.push(format!("neither a test nor `{NO_TEST}`"));
        }
        for reference in tests {
            faults.extend(test(reference).err());
        }
        faults
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join(PAGE)).unwrap()
}

/// The rows of the page on attacks.
fn attacks() -> Vec<Row> {
    tables(&fs::read_to_string(root().join(ATTACKS)).unwrap(), ATTACKS_HEAD)
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(|cell| cell.trim().to_owned()).collect())
}

/// The rows of all tables of requirements on a page.
fn rows(page: &str) -> Vec<Row> {
    tables(page, HEAD)
}

/// The rows of all tables with this head.
fn tables(page: &str, head: [&str; 5]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rfc = 0;
    let mut in_table = false;
    for (index, line) in page.lines().enumerate() {
        if let Some(number) = line.strip_prefix("# RFC ") {
            rfc = number.parse().unwrap();
        }
        match cells(line) {
            Some(cells) if cells == head => in_table = true,
            Some(cells) if in_table && cells.iter().all(|cell| cell == "---") => {}
            Some(cells) if in_table => rows.push(Row { line: index + 1, rfc, cells }),
            _ => in_table = false,
        }
    }
    rows
}

/// A section number as numbers: `5.5.1`.
fn numbers(section: &str) -> Option<Vec<u32>> {
    section
        .split('.')
        .map(|number| {
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| plain && !number.starts_with('0'))
        })
        .collect()
}

/// What stands between backquotes and names a file.
fn references(cell: &str) -> Vec<&str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|quoted| quoted.contains('/')).collect()
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether there are these words in a text, and no letter of a name on either side.
fn has_words(text: &str, words: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(words).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + words.len()..]);
        !before.ends_with(is_name) && !after.starts_with(is_name)
    })
}

/// Lines of a source that are no comments.
fn code(source: &str) -> String {
    source.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    )
}

/// `protocol/frame.rs:parse` is a file under `src` and something that it defines.
fn symbol(reference: &str) -> Result<(), String> {
    let split = reference.split_once(".rs:");
    let (file, name) = split.ok_or(format!("`{reference}` is not file.rs:symbol"))?;
    let code = code(&read(&root().join("src").join(format!("{file}.rs")))?);
    let kinds = ["fn", "struct", "enum", "trait", "const", "static", "type"];
    let defined = kinds.iter().any(|kind| has_words(&code, &format!("{kind} {name}")));
    let is_variant = |line: &str| {
        let rest = line.trim().strip_prefix(name);
        name.starts_with(char::is_uppercase)
            && rest.is_some_and(|rest| [",", "(", " {", " ="].iter().any(|s| rest.starts_with(s)))
    };
    if defined || code.lines().any(is_variant) {
        return Ok(());
    }
    Err(format!("`{reference}`: nothing of that name is defined there"))
}

/// A wire script, or `file.rs:function` of a test.
fn test(reference: &str) -> Result<(), String> {
    if reference.ends_with(".ws") {
        let in_its_folder = reference.starts_with("tests/scripts/");
        return match read(&root().join(reference)) {
            Ok(_) if in_its_folder => Ok(()),
            Ok(_) => Err(format!("`{reference}` is not played")),
            Err(error) => Err(error),
        };
    }
    let split = reference.split_once(".rs:");
    let (file, name) = split.ok_or(format!("`{reference}` is neither script nor function"))?;
    let folder = if file.starts_with("tests/") { root() } else { root().join("src") };
    let code = code(&read(&folder.join(format!("{file}.rs")))?);
    // Other attributes may stand between, each on a line of its own.
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        match line {
            "#[test]" => is_test = true,
            _ if line.starts_with("#[") => {}
            _ if is_test && has_words(line, &format!("fn {name}")) => return Ok(()),
            _ => is_test = false,
        }
    }
    Err(format!("`{reference}`: there is no test of that name"))
}

/// The numbers of the rows of a file of the attack suite, as they stand in its table: `("B5", `.
fn suite(source: &str) -> Vec<&str> {
    let pieces: Vec<&str> = source.split('"').collect();
    let pairs = pieces.windows(2).filter(|pair| pair[0].trim_end().ends_with('('));
    pairs.map(|pair| pair[1]).filter(|word| is_number(word)).collect()
}

/// `B5`, or `QUIET`, which is in no list of attacks but in the suite.
fn is_number(word: &str) -> bool {
    let number = word.strip_prefix(['A', 'B', 'C']).is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    number || word == "QUIET"
}

/// `tests/attacks/frames.rs:B5` is a row of the attack suite; anything else is a test.
fn attack_or_test(reference: &str) -> Result<(), String> {
    let Some((file, number)) =
        reference.strip_prefix("tests/attacks/").and_then(|r| r.split_once(':'))
    else {
        return test(reference);
    };
    let source = read(&root().join("tests/attacks").join(file))?;
    if suite(&source).contains(&number) {
        return Ok(());
    }
    Err(format!("`{reference}`: there is no such row"))
}

/// What is wrong with a row of the page on attacks.
fn attack_faults(row: &Row) -> Vec<String> {
    let [number, elsewhere, here, proved, fault] = &row.cells[..] else {
        return vec![format!("{} cells", row.cells.len())];
    };
    let mut faults = Vec::new();
    if !is_number(number) {
        faults.push(format!("`{number}` is no number"));
    }
    if elsewhere.is_empty() || fault.is_empty() {
        faults.push("an empty cell".to_owned());
    }
    for (cell, judge) in [(here, symbol as fn(&str) -> _), (proved, attack_or_test)] {
        let references = references(cell);
        if references.is_empty() {
            faults.push(format!("`{cell}` names nothing"));
        }
        faults.extend(references.into_iter().filter_map(|reference| judge(reference).err()));
    }
    faults
}

#[test]
fn each_attack_names_what_is_there() {
    let mut found = Vec::new();
    for row in attacks() {
        for fault in attack_faults(&row) {
            found.push(format!("{ATTACKS}:{}: {fault}", row.line));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// The page has each attack once, and names each row of the suite in the right place.
#[test]
fn each_row_of_the_attack_suite_is_on_the_page() {
    let rows = attacks();
    let numbers: BTreeSet<&str> = rows.iter().map(|row| row.cells[0].as_str()).collect();
    assert_eq!(numbers.len(), rows.len(), "an attack stands twice");
    let mut tried = 0;
    for entry in fs::read_dir(root().join("tests/attacks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for number in suite(&read(&path).unwrap()) {
            let reference = format!("tests/attacks/{name}:{number}");
            let is_named = |row: &Row| {
                row.cells[0] == number && references(&row.cells[3]).contains(&reference.as_str())
            };
            assert!(rows.iter().any(is_named), "{ATTACKS} has no `{reference}`");
            tried += 1;
        }
    }
    assert!(tried > 15, "only {tried} rows were found in the suite");
}

#[test]
fn an_attack_that_is_not_told_right_is_found() {
    let good = [
        "B5",
        "it fell",
        "it stands: `protocol/frame.rs:judge_first_byte`",
        "`tests/attacks/frames.rs:B5`, `tests/conformance.rs:the_figures_are_right`",
        "a fault",
    ];
    let faults = |at: usize, cell: &str| {
        let mut cells = good.map(str::to_owned).to_vec();
        cell.clone_into(&mut cells[at]);
        attack_faults(&Row { line: 1, rfc: 0, cells })
    };
    assert_eq!(faults(0, "A1"), [""; 0]);
    let wrong = [
        (0, "D1"),
        (0, "B"),
        (1, ""),
        (2, "it stands"),
        (2, "`protocol/frame.rs:no_such_symbol`"),
        (3, "by eye"),
        (3, "`tests/attacks/frames.rs:C4`"),
        (3, "`tests/attacks/frames.rs:KIB`"),
        (3, "`tests/attacks/no_such_file.rs:B5`"),
        (3, "`tests/conformance.rs:no_such_test`"),
        (4, ""),
    ];
    for (at, cell) in wrong {
        assert_ne!(faults(at, cell), [""; 0], "{cell:?} in {}", ATTACKS_HEAD[at]);
    }
}

#[test]
fn each_row_names_what_is_there() {
    let mut found = Vec::new();
    for row in rows(&page()) {
        for fault in row.faults() {
            found.push(format!("{PAGE}:{}: {fault}", row.line));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_rows_are_in_the_order_of_the_rfcs_and_none_stands_twice() {
    let rows = rows(&page());
    let key = |row: &Row| (row.rfc != 6455, numbers(&row.cells[0]));
    for pair in rows.windows(2) {
        assert!(key(&pair[0]) <= key(&pair[1]), "{PAGE}:{}: out of order", pair[1].line);
    }
    let mut seen = BTreeSet::new();
    for row in &rows {
        let words = (row.rfc, &row.cells[0], &row.cells[1]);
        // "As above" says what the row before says.
        let new = row.cells[1].starts_with("As above") || seen.insert(words);
        assert!(new, "{PAGE}:{}: stands twice", row.line);
    }
    assert_eq!(rows.iter().map(|row| row.rfc).collect::<BTreeSet<_>>(), [6455, 7692].into());
}

#[test]
fn the_figures_are_right() {
    let page = page();
    let rows = rows(&page);
    let count = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let mut expected = BTreeMap::from([
        ("all".to_owned(), rows.len()),
        ("kept".to_owned(), count(&|row| row.kind() == "kept")),
    ]);
    for (_, kind) in OTHERWISE {
        expected.insert(kind.to_owned(), count(&|row| row.kind() == kind));
    }
    let untested = count(&|row| row.kind().starts_with("kept") && row.cells[4] == NO_TEST);
    expected.insert("without a test, of those that are kept".to_owned(), untested);

    let (_, table) = page.split_once("| | rows |\n| --- | --- |\n").unwrap();
    let told: BTreeMap<String, usize> = table
        .lines()
        .map_while(cells)
        .map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect();
    assert_eq!(told, expected);
}

/// Limits are not asked for by a MUST of their own, and have the row of RFC 6455, 10.4.
#[test]
fn each_violation_of_the_table_has_its_row() {
    let rows = rows(&page());
    for violation in Violation::ALL {
        let rule = violation.rule();
        if [CloseCode::MESSAGE_TOO_BIG, CloseCode::POLICY_VIOLATION].contains(&rule.code) {
            continue;
        }
        let below = format!("{}.", rule.section);
        let has_row = rows.iter().any(|row| {
            row.rfc == rule.rfc
                && (row.cells[0] == rule.section || row.cells[0].starts_with(&below))
        });
        assert!(has_row, "{violation:?} has no row for RFC {}, {}", rule.rfc, rule.section);
    }
}

#[test]
fn a_row_that_is_not_true_is_found() {
    let good = [
        "5.2",
        "an \"opcode\"",
        "both",
        "`protocol/frame.rs:judge_first_byte`, `protocol/frame.rs:Continuation`",
        "`tests/scripts/frames/lengths.ws`, `tests/conformance.rs:a_row_that_is_not_true_is_found`",
    ];
    let faults = |at: usize, cell: &str| {
        let mut cells = good.map(str::to_owned).to_vec();
        cell.clone_into(&mut cells[at]);
        Row { line: 1, rfc: 6455, cells }.faults()
    };
    assert_eq!(faults(0, "5.2"), [""; 0]);
    assert_eq!(faults(4, NO_TEST), [""; 0]);
    assert_eq!(faults(3, "not kept: it is the weekend"), [""; 0]);
    let wrong = [
        (0, ""),
        (0, "5."),
        (0, "5.02"),
        (0, "5.2, 5.3"),
        (1, ""),
        (1, "a \"quote"),
        (2, "proxies"),
        (3, ""),
        (3, "somewhere"),
        (3, "not kept:"),
        (3, "`protocol/frame.rs`"),
        (3, "`protocol/no_such_file.rs:parse`"),
        (3, "`protocol/frame.rs:no_such_symbol`"),
        (3, "`protocol/frame.rs:judge`"),
        (3, "`protocol/frame.rs:Contin`"),
        (3, "not kept: see `protocol/frame.rs:no_such_symbol`"),
        (4, ""),
        (4, "by eye"),
        (4, "`tests/scripts/frames/no-such-script.ws`"),
        (4, "`src/lib.ws`"),
        (4, "`tests/conformance.rs:rows`"),
        (4, "`tests/conformance.rs:no_such_test`"),
        (4, "`protocol/frame.rs:judge_first_byte`"),
    ];
    for (at, cell) in wrong {
        assert_ne!(faults(at, cell), [""; 0], "{cell:?} in {}", HEAD[at]);
    }
    let short = Row { line: 1, rfc: 6455, cells: vec!["5.2".to_owned()] };
    assert_eq!(short.faults().len(), 1);
}
