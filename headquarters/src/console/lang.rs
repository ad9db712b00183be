//! Which language the reader wants: Chinese, English or both.
//!
//! Invariant: chosen once for a whole answer, before anything of it is made, and gone when it is
//! done. Rejected: both languages in every page with a style sheet that hides one; an attribute or
//! an option holds no element that could be hidden, and every page would be twice as long.

use std::cell::Cell;

/// The languages of the interface; what people wrote stays as they wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// 中文.
    #[default]
    Zh,
    /// English.
    En,
    /// Chinese first, English beside it.
    Both,
}

thread_local! {
    static NOW: Cell<Lang> = const { Cell::new(Lang::Zh) };
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Zh, Self::En, Self::Both];

    /// Returns the id that the cookie holds.
    pub fn id(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
            Self::Both => "both",
        }
    }

    /// Finds a language by its id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.id() == id)
    }

    /// Returns what the page's root says.
    pub(super) fn tag(self) -> &'static str {
        if self == Self::En { "en" } else { "zh-Hans" }
    }

    /// Returns the language of the answer that this thread is making.
    pub(super) fn now() -> Self {
        NOW.get()
    }

    /// Makes an answer in this language.
    pub(super) fn speak<T>(self, make: impl FnOnce() -> T) -> T {
        struct Back(Lang);
        impl Drop for Back {
            fn drop(&mut self) {
                NOW.set(self.0);
            }
        }
        let _back = Back(NOW.replace(self));
        make()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_lasts_for_one_answer() {
        let said = Lang::En.speak(|| (Lang::now(), Lang::Both.speak(Lang::now), Lang::now()));
        assert_eq!(said, (Lang::En, Lang::Both, Lang::En));
        assert_eq!(Lang::now(), Lang::Zh);
    }
}
