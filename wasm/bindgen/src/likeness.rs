//! An order of functions in which gzip finds most of each among those that stand shortly before it.

use std::collections::{HashMap, VecDeque};

/// Returns the order in which to write these bodies: after each comes the one of whose pieces most occur among the last [`WINDOW`] bytes.
pub(crate) fn order(bodies: &[Vec<u8>]) -> Vec<usize> {
    let pieces = Pieces::of(bodies);
    let mut window = Window {
        pieces: &pieces,
        bodies,
        shown: VecDeque::new(),
        len: 0,
        copies: vec![0; pieces.holders.len()],
        found: vec![0; bodies.len()],
    };
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    let mut order = Vec::with_capacity(bodies.len());
    while let Some(place) = (0..left.len()).max_by(|&one, &other| {
        let share = |place: usize| window.share(left[place]);
        // Of equals the first.
        share(one).total_cmp(&share(other)).then(other.cmp(&one))
    }) {
        let next = left.remove(place);
        window.show(next);
        order.push(next);
    }
    order
}

/// The pieces that bodies have in common.
struct Pieces {
    /// Those in each body, and how many it has with those that no other has or nearly all.
    bodies: Vec<(Vec<usize>, usize)>,
    /// The bodies that have a piece.
    holders: Vec<Vec<usize>>,
}

impl Pieces {
    fn of(bodies: &[Vec<u8>]) -> Self {
        let (mut numbers, mut holders) = (HashMap::new(), Vec::<Vec<usize>>::new());
        for (body, bytes) in bodies.iter().enumerate() {
            for piece in bytes.windows(PIECE) {
                let number = *numbers.entry(piece).or_insert(holders.len());
                if number == holders.len() {
                    holders.push(Vec::new());
                }
                if holders[number].last() != Some(&body) {
                    holders[number].push(body);
                }
            }
        }
        let mut pieces = Self { bodies: vec![(Vec::new(), 0); bodies.len()], holders };
        for (number, holders) in pieces.holders.iter().enumerate() {
            for &holder in holders {
                let (shared, all) = &mut pieces.bodies[holder];
                *all += 1;
                if (2..=HOLDERS_MAX).contains(&holders.len()) {
                    shared.push(number);
                }
            }
        }
        pieces
    }
}

/// The bodies written last.
struct Window<'a> {
    pieces: &'a Pieces,
    bodies: &'a [Vec<u8>],
    shown: VecDeque<usize>,
    len: usize,
    /// How many of them have a piece.
    copies: Vec<usize>,
    /// How many pieces of every body are among theirs.
    found: Vec<usize>,
}

impl Window<'_> {
    fn show(&mut self, body: usize) {
        self.shown.push_back(body);
        self.len += self.bodies[body].len();
        for &piece in &self.pieces.bodies[body].0 {
            self.copies[piece] += 1;
            if self.copies[piece] == 1 {
                self.pieces.holders[piece].iter().for_each(|&holder| self.found[holder] += 1);
            }
        }
        while self.len > WINDOW && self.shown.len() > 1 {
            self.hide_first();
        }
    }

    fn hide_first(&mut self) {
        let Some(body) = self.shown.pop_front() else { return };
        self.len -= self.bodies[body].len();
        for &piece in &self.pieces.bodies[body].0 {
            self.copies[piece] -= 1;
            if self.copies[piece] == 0 {
                self.pieces.holders[piece].iter().for_each(|&holder| self.found[holder] -= 1);
            }
        }
    }

    /// Returns the share of a body's pieces that are here; a short one is not worth as much as a long one of which as much is.
    fn share(&self, body: usize) -> f64 {
        self.found[body] as f64 / (self.pieces.bodies[body].1 + SHORT) as f64
    }
}

/// Bytes of a piece: fewer occur anywhere by chance, more change with a number in them.
const PIECE: usize = 5;
/// Bodies that have a piece which says something about them.
const HOLDERS_MAX: usize = 400;
/// Bytes that are looked back: a fourth of what gzip sees, because what is nearer costs less to tell.
const WINDOW: usize = 8000;
/// Pieces by which every body counts as longer than it is.
const SHORT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stands_side_by_side() {
        let bodies = ["opens a vault", "0123456789", "closes a vault", "x", "0123456780"];
        assert_eq!(order(&bodies.map(Vec::from)), [0, 2, 1, 4, 3]);
    }

    #[test]
    fn what_has_nothing_in_common_stays_in_order() {
        let bodies = ["", "one", "another"];
        assert_eq!(order(&bodies.map(Vec::from)), [0, 1, 2]);
    }
}
