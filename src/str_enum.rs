//! Enums whose variants have one word each, for metrics, records and pages.

/// Declares an enum with the word of each variant beside it, and from this table what is made of
/// it: `ALL`, `WORDS`, `as_str`, `Display` and `Serialize`.
macro_rules! str_enum {
    (
        $(#[$of_enum:meta])*
        $vis:vis enum $name:ident {
            $($(#[$of_variant:meta])* $variant:ident $word:literal,)*
        }
    ) => {
        $(#[$of_enum])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$of_variant])* $variant,)*
        }

        impl $name {
            /// Each of them, at the place that it has `as usize`.
            // Not all of them are gone through one by one.
            #[allow(dead_code)]
            $vis const ALL: [$name; [$($word),*].len()] = [$($name::$variant),*];

            /// Their words, each at the same place.
            #[allow(dead_code)]
            $vis const WORDS: [&'static str; [$($word),*].len()] = [$($word),*];

            /// The word in metrics, records and pages.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use str_enum;
