use super::testing::{founded, head, identity, next_draft};
use super::*;

#[test]
fn records_travel_and_come_back() {
    let chain = founded();
    for record in samples(&chain) {
        assert_eq!(Record::decode(record.bytes().clone()), Ok(record.clone()));
        assert_eq!(record.vault(), chain.vault());
    }
}

fn samples(chain: &Chain) -> Vec<Record> {
    let next = Certificate::sign(next_draft(chain.tip()), &identity(2)).expect("within bounds");
    vec![
        Record::Certificate(chain.tip().clone()),
        Record::Certificate(next),
        Record::Head(head(chain, &identity(1), 3)),
        Record::Locate(Locate::sign(chain.vault(), &identity(2)).expect("within bounds")),
    ]
}
