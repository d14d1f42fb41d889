//! A strict reader of the JSON that genesis needs: objects, arrays, strings
//! without escapes, integers without floats. Its depth is that of the code
//! which reads, never of the input.

/// A cursor over a document.
pub struct Json<'a> {
    text: &'a [u8],
    at: usize,
}

/// Most members of an object and most items of an array.
const MAX_ITEMS: usize = 1 << 20;

impl<'a> Json<'a> {
    /// Opens a document.
    pub fn new(text: &'a [u8]) -> Self {
        Json { text, at: 0 }
    }

    fn error<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at byte {}", self.at))
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, character: u8) -> bool {
        let found = self.peek() == Some(character);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, character: u8) -> Result<(), String> {
        if self.take(character) {
            return Ok(());
        }
        self.error(&format!("expected {:?}", char::from(character)))
    }

    /// Items between `open` and `close`, separated by commas.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        self.expect(open)?;
        if self.take(close) {
            return Ok(());
        }
        for index in 0..MAX_ITEMS {
            item(self, index)?;
            if self.take(close) {
                return Ok(());
            }
            self.expect(b',')?;
        }
        self.error("more than 1,048,576 items")
    }

    /// Reads an object; `member` reads the value of each name, and refuses the
    /// names that it does not know. A name that stands twice is refused.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        self.list(b'{', b'}', |json, _| {
            let name = json.string()?;
            if !seen.insert(name) {
                return json.error(&format!("{name:?} stands twice"));
            }
            json.expect(b':')?;
            member(json, name)
        })
    }

    /// Reads an array.
    pub fn array(&mut self, item: impl FnMut(&mut Self, usize) -> Result<(), String>) -> Result<(), String> {
        self.list(b'[', b']', item)
    }

    /// Reads a string of printable ASCII without escapes.
    pub fn string(&mut self) -> Result<&'a str, String> {
        self.expect(b'"')?;
        let rest = &self.text[self.at..];
        let Some(len) = rest.iter().position(|&c| c == b'"') else {
            return self.error("a string that does not end");
        };
        if rest[..len].iter().any(|c| !(b' '..=b'~').contains(c) || *c == b'\\') {
            return self.error("a string with escapes or characters outside of printable ASCII");
        }
        self.at += len + 1;
        std::str::from_utf8(&rest[..len]).or_else(|_| self.error("a string that is not ASCII"))
    }

    /// Reads an integer: digits, or a string of digits, without sign, leading
    /// zero, fraction or exponent.
    pub fn integer(&mut self) -> Result<u128, String> {
        let quoted = self.take(b'"');
        let rest = &self.text[self.at..];
        let digits = &rest[..rest.iter().position(|c| !c.is_ascii_digit()).unwrap_or(rest.len())];
        if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') {
            return self.error("expected an integer without leading zeros");
        }
        let mut value = 0u128;
        for digit in digits {
            let next = crate::amount::append_digit(value, digit - b'0');
            let Some(next) = next else { return self.error("an integer above 128 bits") };
            value = next;
        }
        self.at += digits.len();
        if quoted {
            if self.text.get(self.at) != Some(&b'"') {
                return self.error("expected an integer");
            }
            self.at += 1;
        } else if matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E')) {
            return self.error("a number that is no integer");
        }
        Ok(value)
    }

    /// Reads an integer of 64 bits.
    pub fn integer64(&mut self) -> Result<u64, String> {
        let at = self.at;
        self.integer()?.try_into().map_err(|_| format!("an integer above 64 bits at byte {at}"))
    }

    /// Nothing may follow.
    pub fn end(&mut self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.error("something follows the document"),
        }
    }
}
