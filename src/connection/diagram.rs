//! Keeps the drawing in the documentation true to the table of transitions.

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::super::ConnectionState::{Closed, Connected, Connecting, Failed};
    use super::super::state::{TRANSITIONS, is_allowed};

    #[test]
    fn the_diagram_is_drawn_from_the_table_of_transitions() {
        let lines: Vec<String> = TRANSITIONS
            .iter()
            .map(|(from, to)| {
                let to: Vec<String> = to.iter().map(|state| format!("{state:?}")).collect();
                format!("{:<12} ──► {}", format!("{from:?}"), to.join(" | "))
            })
            .collect();
        let drawn = format!("```text\n{}\n```\n", lines.join("\n"));
        assert_eq!(drawn, include_str!("states.md"), "write the left side to src/connection/states.md");
    }

    #[test]
    fn what_is_not_drawn_is_not_allowed() {
        assert!(is_allowed(Closed, Connecting));
        assert!(!is_allowed(Closed, Connected));
        assert!(!is_allowed(Failed, Closed));
    }
}
