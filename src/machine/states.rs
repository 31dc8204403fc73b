//! The machine's state by one name, and the changes between those names.

use serde::Serialize;

use super::AuthMachine;
use super::library::Token;
use crate::options::AuthScheme;

/// Where a machine stands with the library's own credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AuthState {
    /// Every request carries the key.
    Basic,
    /// There is no token; one can be had.
    Empty,
    /// There is no token, and one is being acquired.
    Acquiring,
    /// There is a token.
    Held,
    /// There is a token, and its successor is being acquired.
    Renewing,
    /// There is no token, and no way to get one (`RSA4a2`).
    Lost,
}

/// What one command or input may make of each state: what the diagram in the documentation draws.
const TRANSITIONS: &[(AuthState, &[AuthState])] = {
    use AuthState::{Acquiring, Basic, Empty, Held, Lost, Renewing};
    &[
        (Basic, &[Acquiring, Held]),
        (Empty, &[Acquiring, Held, Basic, Lost]),
        (Acquiring, &[Held, Empty, Basic, Lost]),
        (Held, &[Renewing, Acquiring, Empty, Basic, Lost]),
        (Renewing, &[Held, Acquiring, Empty, Basic, Lost]),
        (Lost, &[Acquiring, Held, Basic, Empty]),
    ]
};

impl AuthState {
    pub(super) fn of(machine: &AuthMachine) -> Self {
        match (machine.policy.scheme(), &machine.token, &machine.acquisition) {
            (AuthScheme::Basic, ..) => Self::Basic,
            (AuthScheme::Token, Token::Held(_), Some(_)) => Self::Renewing,
            (AuthScheme::Token, Token::Held(_), None) => Self::Held,
            (AuthScheme::Token, Token::None | Token::Lost(_), Some(_)) => Self::Acquiring,
            (AuthScheme::Token, Token::None, None) => Self::Empty,
            (AuthScheme::Token, Token::Lost(_), None) => Self::Lost,
        }
    }

    /// Whether one command or input may lead from this state to the other.
    pub(super) fn may_become(self, next: Self) -> bool {
        self == next || TRANSITIONS.iter().any(|(state, after)| *state == self && after.contains(&next))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::AuthState::{Basic, Empty, Lost, Renewing};
    use super::TRANSITIONS;

    #[test]
    fn the_diagram_is_drawn_from_the_table_of_transitions() {
        let lines: Vec<String> = TRANSITIONS
            .iter()
            .map(|(from, to)| {
                let to: Vec<String> = to.iter().map(|state| format!("{state:?}")).collect();
                format!("{:<9} ──► {}", format!("{from:?}"), to.join(" | "))
            })
            .collect();
        let drawn = format!("```text\n{}\n```\n", lines.join("\n"));
        assert_eq!(drawn, include_str!("states.md"), "write the left side to src/machine/states.md");
    }

    #[test]
    fn what_is_not_drawn_may_not_happen() {
        assert!(Lost.may_become(Lost));
        assert!(Lost.may_become(Basic));
        assert!(!Basic.may_become(Lost));
        assert!(!Empty.may_become(Renewing));
    }
}
