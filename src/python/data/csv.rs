//! Rows of separated values as Python's `csv` reads them.

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) delimiter: char,
    pub(crate) quote: char,
    pub(crate) skip_spaces: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { delimiter: ',', quote: '"', skip_spaces: false }
    }
}

/// Where the reader is within a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    RowStart,
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote within a quoted field.
    AfterQuote,
}

/// The rows of a text; an empty line is a row without fields.
pub(crate) fn rows(text: &str, style: Style) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut field = String::new();
    let mut state = State::RowStart;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let line_end = matches!(c, '\n' | '\r') && state != State::Quoted;
        if line_end {
            if c == '\r' && letters.peek() == Some(&'\n') {
                letters.next();
            }
            if state != State::RowStart {
                row.push(std::mem::take(&mut field));
            }
            rows.push(std::mem::take(&mut row));
            state = State::RowStart;
            continue;
        }
        state = match state {
            State::RowStart | State::FieldStart if c == style.quote => State::Quoted,
            State::RowStart | State::FieldStart if c == ' ' && style.skip_spaces => State::FieldStart,
            State::Quoted if c == style.quote => State::AfterQuote,
            State::Quoted => {
                field.push(c);
                State::Quoted
            }
            State::AfterQuote if c == style.quote => {
                field.push(c);
                State::Quoted
            }
            _ if c == style.delimiter => {
                row.push(std::mem::take(&mut field));
                State::FieldStart
            }
            _ => {
                field.push(c);
                State::Plain
            }
        };
    }
    if state != State::RowStart {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{Style, rows};

    #[test]
    fn quotes_lines_and_empty_fields_are_pythons() {
        let text = "a,b\r\n\"x,\"\"y\"\"\",\n\n\"two\nlines\"z,1";
        assert_eq!(
            rows(text, Style::default()),
            [vec!["a", "b"], vec!["x,\"y\"", ""], vec![], vec!["two\nlinesz", "1"]]
        );
    }
}
