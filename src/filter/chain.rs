//! The filters that are registered, in their order, each under a name of its own.

use super::Filter;

/// The longest name of a filter: as long as a registry's.
const LONGEST_NAME: usize = 63;

/// Why filters can't be registered so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It couldn't be a metric's label or stand in a record.
    #[error(
        "{0:?} can't be a filter's name: 1 to 63 of a-z, 0-9, \"_\" and \"-\", beginning with a \
         letter or a digit"
    )]
    Malformed(String),
    /// Nobody could tell the two apart.
    #[error("two filters are called {0:?}: each needs a name of its own")]
    Taken(String),
}

/// All of them.
#[derive(Default)]
pub(crate) struct Filters(Vec<Registered>);

pub(crate) struct Registered {
    pub(crate) name: String,
    pub(crate) filter: Box<dyn Filter>,
}

impl Filters {
    /// # Errors
    /// When a name is malformed or taken.
    pub(crate) fn new(filters: Vec<Box<dyn Filter>>) -> Result<Filters, NameError> {
        let mut registered: Vec<Registered> = Vec::with_capacity(filters.len());
        for filter in filters {
            let name = filter.name().to_owned();
            if !is_sound(&name) {
                return Err(NameError::Malformed(name));
            }
            if registered.iter().any(|other| other.name == name) {
                return Err(NameError::Taken(name));
            }
            registered.push(Registered { name, filter });
        }
        Ok(Filters(registered))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Registered> {
        self.0.iter()
    }
}

fn is_sound(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(letter)
        && name
            .bytes()
            .all(|byte| letter(byte) || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Filter for Named {
        fn name(&self) -> &str {
            self.0
        }
    }

    fn register(names: &[&'static str]) -> Result<Vec<String>, NameError> {
        let filters = names
            .iter()
            .map(|name| Box::new(Named(name)) as Box<dyn Filter>);
        let filters = Filters::new(filters.collect())?;
        Ok(filters.iter().map(|one| one.name.clone()).collect())
    }

    #[test]
    fn each_filter_has_a_name_of_its_own() {
        assert_eq!(register(&["b", "a-1", "0_x"]).unwrap(), ["b", "a-1", "0_x"]);
        let taken = NameError::Taken("a".to_owned());
        assert_eq!(register(&["a", "b", "a"]), Err(taken));
        let long = "a".repeat(64);
        for name in ["", "A", "_a", "a b", "ä", "a\n", "a\"", long.leak()] {
            let malformed = NameError::Malformed(name.to_owned());
            assert_eq!(register(&["a", name]), Err(malformed), "{name:?}");
        }
        assert!(register(&["a".repeat(63).leak()]).is_ok());
    }
}
