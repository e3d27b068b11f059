//! A list to choose from, with the arrow keys and Enter and nothing else. dialoguer's own list chooses with the space
//! bar too, and moves by letters, so that what somebody types or pastes for another question would choose here.

use std::io;

use console::{Key, Term, measure_text_width};

/// How many items are on the screen at a time, where it is high enough.
const MOST_ROWS: usize = 12;

/// Which of the items is on the screen, and which of them is chosen by Enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// The item that Enter chooses.
    pub(super) active: usize,
    /// The first item on the screen.
    pub(super) first: usize,
    /// How many are.
    pub(super) rows: usize,
    count: usize,
}

impl View {
    fn new(count: usize, active: usize, height: usize) -> Self {
        let rows = MOST_ROWS.min(height.saturating_sub(3)).max(1);
        let mut view = Self {
            active: 0,
            first: 0,
            rows,
            count,
        };
        view.go_to(active);
        view
    }

    /// Moves as a key says; the ends of the list are ends.
    fn press(&mut self, key: &Key) {
        match key {
            Key::ArrowUp => self.go_to(self.active.saturating_sub(1)),
            Key::ArrowDown => self.go_to(self.active + 1),
            Key::PageUp => self.go_to(self.active.saturating_sub(self.rows)),
            Key::PageDown => self.go_to(self.active + self.rows),
            Key::Home => self.go_to(0),
            Key::End => self.go_to(self.count),
            _ => {}
        }
    }

    fn go_to(&mut self, index: usize) {
        self.active = index.min(self.count.saturating_sub(1));
        self.first = self.active / self.rows * self.rows;
    }

    /// Whether there are more items than fit.
    pub(super) fn is_cut(&self) -> bool {
        self.count > self.rows
    }
}

/// Lets a person choose one of `count` items. `draw` says how the list looks, line by line.
pub(super) fn choose(count: usize, default: usize, draw: impl Fn(View) -> Vec<String>) -> io::Result<usize> {
    let term = Term::stderr();
    let height = usize::from(term.size().0);
    let mut view = View::new(count, default, height);
    term.hide_cursor()?;
    loop {
        let lines = draw(view);
        for line in &lines {
            term.write_line(line)?;
        }
        term.flush()?;
        let key = term.read_key()?;
        let columns = usize::from(term.size().1).max(1);
        let rows = |line: &String| measure_text_width(line).div_ceil(columns).max(1);
        term.clear_last_lines(lines.iter().map(rows).sum())?;
        if key == Key::Enter {
            term.show_cursor()?;
            term.flush()?;
            return Ok(view.active);
        }
        view.press(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_move_within_the_list_and_letters_do_not() {
        let mut view = View::new(30, 0, 24);
        for key in [Key::ArrowUp, Key::Char('j'), Key::Char(' '), Key::Tab] {
            view.press(&key);
            assert_eq!(view.active, 0, "{key:?}");
        }
        view.press(&Key::ArrowDown);
        assert_eq!((view.active, view.first), (1, 0));
        view.press(&Key::PageDown);
        assert_eq!((view.active, view.first), (13, 12));
        view.press(&Key::End);
        assert_eq!((view.active, view.first), (29, 24));
        view.press(&Key::ArrowDown);
        assert_eq!(view.active, 29);
        view.press(&Key::Home);
        assert_eq!((view.active, view.first), (0, 0));
    }

    #[test]
    fn a_low_screen_shows_a_part_at_a_time() {
        assert!(!View::new(5, 0, 24).is_cut());
        let view = View::new(5, 4, 6);
        assert!(view.is_cut());
        assert_eq!((view.rows, view.first), (3, 3));
        assert_eq!(View::new(5, 9, 0).active, 4);
    }
}
