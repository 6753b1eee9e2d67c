"""Makes the suite's cases, written for Python 2, ready to be played on Python 3.

The one real difference between the two languages is what "abc" means. In Python 2 it is a string
of octets. In the ported cases it is a str whose characters all lie in 0 to 255, one for each
octet: it can be joined, repeated and compared as before. It becomes bytes on its way into the
engine, and what the engine received becomes such a str on its way to the case. Sections 12 and 13
are the exception: they were written later and deal in bytes themselves.
"""

import codecs
import html
import importlib
import importlib.metadata
import pathlib
import re
import sys
import warnings

BYTES_SECTIONS = ("12", "13")
CASES = 517  # of the pinned version: a case that got lost while porting must not go unnoticed

RULES = [
    (r"\bxrange\b", "range"),
    (r"^( *)print\b(?! *\() *(.*)$", r"\1print(\2)"),
    # a list of bases that Python 3 refuses to put in order
    (r"\(object, Case, \)", "(Case, )"),
    # division of integers
    (r"/ self\.p\.autoFragmentSize", "// self.p.autoFragmentSize"),
    # a case that is in no list of the suite and needs a Python 2 only function to be loaded
    (r"^from case9_9_1 import \*$", ""),
    (r"binascii\.b2a_hex\(([^()]*)\)", r"\1.encode('latin-1').hex()"),
    # test data is found without setuptools
    (r" pkg_resources,", ""),
    (r"pkg_resources\.resource_filename\(\"autobahntestsuite\",", "os.path.join(HOME,"),
]


def port_cases(folder):
    """Write the ported cases into folder and return the list of their classes."""
    home = importlib.metadata.distribution("autobahntestsuite").locate_file("autobahntestsuite")
    folder.mkdir(parents=True, exist_ok=True)
    used = set()
    for source in sorted(pathlib.Path(home, "case").glob("*.py")):
        text = source.read_text(encoding="latin-1")
        for pattern, replacement in RULES:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            if count:
                used.add(pattern)
        text = text.replace("(HOME,", f"({str(home)!r},")
        # The cases import each other as top-level modules, which is what they become.
        name = "all_cases.py" if source.name == "__init__.py" else source.name
        (folder / name).write_text(text, encoding="utf-8")
    unused = [pattern for pattern, _ in RULES if pattern not in used]
    if unused:
        sys.exit(f"these rules found nothing to port in the suite's cases: {unused}")
    sys.path.insert(0, str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escapes such as "\." in the sources
        cases = importlib.import_module("all_cases").Cases
        # The original compares pickles. In Python 3 those differ between equal values.
        importlib.import_module("case").Case.compare = lambda _, one, other: one == other
    if len(cases) != CASES:
        sys.exit(f"the suite has {len(cases)} cases, {CASES} were expected")
    return cases


def octets(value):
    """The bytes that a Python 2 string stood for."""
    return value.encode("latin-1") if isinstance(value, str) else value


def case_name(case_class):
    return ".".join(case_class.__name__[len("Case"):].split("_"))


def plain(description):
    """A description of the suite, which is HTML, as text."""
    return html.unescape(re.sub(r"(<[^<>]*>|\s)+", " ", description)).strip()


# --- Two parts of the engine that are too slow in pure Python ----------------------------------


def replace_slow_parts():
    """To be called before anything imports the engine, or a case, which may use these too."""
    from autobahn.websocket import utf8validator, xormasker

    utf8validator.Utf8Validator = Utf8Validator
    xormasker.createXorMasker = Masker


XOR = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


class Masker:
    """Masks as RFC 6455 5.3 has it, one octet of the key at a time rather than of the data."""

    def __init__(self, key, length=None):
        self.key = key
        self.done = 0

    def pointer(self):
        return self.done

    def process(self, data):
        masked = bytearray(data)
        for lane in range(4):
            key = self.key[(self.done + lane) % 4]
            masked[lane::4] = masked[lane::4].translate(XOR[key])
        self.done += len(data)
        return bytes(masked)


class Utf8Validator:
    """Judges what the server sends, so it need not name the octet at fault."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.total = 0

    def validate(self, data):
        self.total += len(data)
        try:
            self.decoder.decode(octets(data))
        except UnicodeDecodeError:
            return False, False, 0, self.total
        complete = not self.decoder.getstate()[0]
        return True, complete, len(data), self.total
