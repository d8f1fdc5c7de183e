use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::runs::RUN;
use super::*;

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn assert_same(map: &Map<u64, u64>, model: &BTreeMap<u64, u64>) {
    assert_eq!(map.len(), model.len());
    assert!(map.iter().eq(model.iter()) && map.iter().rev().eq(model.iter().rev()));
    assert!(map.keys().eq(model.keys()) && map.values().rev().eq(model.values().rev()));
    assert_eq!((map.first_key_value(), map.last_key_value()), (model.first_key_value(), model.last_key_value()));
}

#[test]
fn a_map_does_what_the_standard_one_does() {
    for keys in [3, 2 * RUN as u64, 100 * RUN as u64] {
        let (mut dice, mut map, mut model) = (Dice(keys), Map::new(), BTreeMap::new());
        for round in 0..20_000 {
            let (key, value) = (dice.below(keys), dice.below(1 << 20));
            // It grows for a while, then it shrinks.
            match dice.below(if round % 8_000 < 5_000 { 5 } else { 12 }) {
                0 | 1 => assert_eq!(map.insert(key, value), model.insert(key, value)),
                2 => {
                    let (one, other) = (map.entry(key).or_insert(value), model.entry(key).or_insert(value));
                    assert_eq!(one, other);
                    *one += 1;
                    *other += 1;
                }
                3 => {
                    assert_eq!(map.get(&key), model.get(&key));
                    assert_eq!(map.get_mut(&key), model.get_mut(&key));
                    assert_eq!(map.contains_key(&key), model.contains_key(&key));
                }
                4 if value < 1 << 10 => assert_eq!(map.pop_first(), model.pop_first()),
                _ => assert_eq!(map.remove(&key), model.remove(&key)),
            }
            if round % 512 == 0 {
                assert_same(&map, &model);
                let modulus = 2 + dice.below(40);
                map.retain(|key, value| {
                    *value += 1;
                    key % modulus != 1
                });
                model.retain(|key, value| {
                    *value += 1;
                    key % modulus != 1
                });
                map.values_mut().for_each(|value| *value ^= 1);
                model.values_mut().for_each(|value| *value ^= 1);
                assert_same(&map, &model);
            }
        }
        assert!(map.clone().into_keys().eq(model.clone().into_keys()) && map.clone().into_values().eq(model.clone().into_values()));
        assert!(map.clone().into_iter().rev().eq(model.clone().into_iter().rev()) && map.into_iter().eq(model));
    }
}

#[test]
fn ranges_begin_and_end_where_they_should() {
    let map: Map<u64, u64> = (0..1000).map(|key| (key * 3, key)).rev().collect();
    let model: BTreeMap<u64, u64> = (0..1000).map(|key| (key * 3, key)).collect();
    for from in (0..3010).step_by(7) {
        for to in [from, from + 1, from + 3, from + 500] {
            assert!(map.range(from..to).eq(model.range(from..to)));
            assert!(map.range(from..=to).rev().eq(model.range(from..=to).rev()));
            let after = (Bound::Excluded(from), Bound::Unbounded);
            assert!(map.range(after).eq(model.range(after)) && map.range(..to).eq(model.range(..to)));
        }
    }
    assert_eq!(map.range(std::ops::Range { start: 10, end: 5 }).count(), 0);
}

#[test]
fn a_set_does_what_the_standard_one_does() {
    let (mut dice, mut set, mut model) = (Dice(1), Set::new(), BTreeSet::new());
    for round in 0..20_000 {
        let key = dice.below(3000);
        match dice.below(3) {
            0 => assert_eq!(set.insert(key), model.insert(key)),
            1 => assert_eq!(set.contains(&key), model.contains(&key)),
            _ => assert_eq!(set.remove(&key), model.remove(&key)),
        }
        if round % 1000 == 0 {
            set.extend([key + 1, key + 2]);
            model.extend([key + 1, key + 2]);
            assert_eq!((set.pop_first(), set.first(), set.last()), (model.pop_first(), model.first(), model.last()));
            set.retain(|key| key % 5 != 0);
            model.retain(|key| key % 5 != 0);
            assert!(set.iter().eq(&model) && set.range(key..).eq(model.range(key..)) && set.len() == model.len());
        }
    }
    assert!(set.into_iter().eq(model));
}

#[test]
fn equal_contents_are_equal_however_they_came() {
    let (up, down): (Map<u32, u32>, Map<u32, u32>) = ((0..500).map(|i| (i, i)).collect(), (0..500).rev().map(|i| (i, i)).collect());
    assert_eq!(up, down);
    assert_ne!(up, (0..499).map(|i| (i, i)).collect());
}
