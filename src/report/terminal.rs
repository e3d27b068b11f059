//! The one filter that text passes before it reaches a terminal, a log or a pipe.
//!
//! Whatever AWS, a file or a flag says may hold anything: characters that clear the screen, that reverse the order of
//! reading, that do not show, or that begin a line which looks like this program's own. So every line is printed by
//! [`Printer`](super::Printer) as *one* line, in which all of these become visible escapes such as `\u{1b}` or `\n`.
//! Line breaks are made by printing another line, and colour by marks that nobody else can write; so there is nothing
//! to remember where a value enters a text.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use console::Style;
use serde_json::Value;

use super::Tone;
use super::hidden::is_hidden;

/// How much of a line is shown. No sentence of this program is longer; an error message of an endpoint's may be.
pub(super) const LONGEST_LINE: usize = 8000;

/// Text in a single line in which every character shows itself.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST_LINE {
            shown.push('…');
            break;
        }
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    shown
}

/// JSON in which everything that does not show itself is an escape, and which is the same value.
pub(crate) fn json_text(value: &Value, pretty: bool) -> String {
    let text = match pretty {
        true => format!("{value:#}"),
        false => value.to_string(),
    };
    // Outside of strings JSON is ASCII, and inside of them serde_json has escaped the line breaks.
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What encloses a piece of a line that has a tone, until the line is printed. It holds a number that is drawn at every
/// start of the program, so no text from elsewhere can bring one along.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let number = RandomState::new().hash_one("mark");
    format!("\u{fdd0}{number:016x}\u{fdd1}")
});

/// Text in a tone, for a line that is yet to be printed.
pub(super) fn marked(tone: Tone, text: &str) -> String {
    let mark = MARK.as_str();
    format!("{mark}{}{text}{mark}.", tone as u8)
}

/// A line as it is printed: filtered, and styled where it is marked.
pub(super) fn styled(line: &str) -> String {
    let mut pieces = line.split(MARK.as_str());
    let mut shown = visible(pieces.next().unwrap_or_default());
    for piece in pieces {
        let mut characters = piece.chars();
        let code = characters.next();
        let text = visible(characters.as_str());
        match Tone::ALL
            .iter()
            .find(|tone| Some((b'0' + **tone as u8) as char) == code)
        {
            Some(tone) => shown.push_str(&style(*tone).apply_to(text).to_string()),
            None => shown.push_str(&text),
        }
    }
    shown
}

fn style(tone: Tone) -> Style {
    let style = Style::new().force_styling(true);
    match tone {
        Tone::Heading => style.bold(),
        Tone::Good => style.green(),
        Tone::Change => style.cyan(),
        Tone::Quiet => style.dim(),
        Tone::Warning => style.yellow().bold(),
        Tone::Bad => style.red().bold(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_show_itself_is_an_escape_and_the_rest_stays() {
        assert_eq!(visible("Grüße, “…” ✓ 日本 ﷽"), "Grüße, “…” ✓ 日本 ﷽");
        assert_eq!(
            visible("\u{1b}[2J\nPASS\r\t\u{7f}\u{9b}"),
            "\\u{1b}[2J\\nPASS\\r\\t\\u{7f}\\u{9b}"
        );
        for hidden in
            "\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{2028}\u{e0041}\u{fe0f}\u{3164}\u{fdd0}\u{e000}\u{ffff}".chars()
        {
            assert_eq!(visible(&hidden.to_string()), hidden.escape_unicode().to_string());
        }
    }

    #[test]
    fn a_line_has_an_end() {
        let shown = visible(&"x".repeat(1_000_000));
        assert_eq!(shown.chars().count(), LONGEST_LINE + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn colour_is_what_was_marked_and_nothing_else() {
        let line = format!("{} {}", marked(Tone::Bad, "a\u{1b}[0m"), "\u{fdd0}1b");
        assert_eq!(styled(&line), "\u{1b}[31m\u{1b}[1ma\\u{1b}[0m\u{1b}[0m \\u{fdd0}1b");
    }

    proptest! {
        #[test]
        fn no_text_gets_anything_through(text in any::<String>(), tone in prop::sample::select(Tone::ALL.to_vec())) {
            prop_assert!(!visible(&text).chars().any(is_hidden));
            let line = format!("{text}{}{text}", marked(tone, &text));
            // console's own sequences are taken away by console's own eyes.
            let plain = console::strip_ansi_codes(&styled(&line)).into_owned();
            prop_assert!(!plain.chars().any(is_hidden));
            prop_assert_eq!(plain, visible(&text).repeat(3));
        }

        #[test]
        fn json_stays_the_same_value(key in any::<String>(), text in any::<String>(), pretty in any::<bool>()) {
            let value = json!({ key: [text] });
            let shown = json_text(&value, pretty);
            prop_assert!(!shown.chars().any(|c| c != '\n' && is_hidden(c)));
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        }
    }
}
