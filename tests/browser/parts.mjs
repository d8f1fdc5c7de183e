// Parts of the package that have no browser in them: what commits hold, what slow readers of events miss.

import assert from "node:assert/strict";

import { Committer } from "../../target/package/committer.js";
import { Events } from "../../target/package/events.js";

/** A vault whose commits end when they are told to. */
function vault() {
  const commits = [];
  const commit = () => new Promise((resolve, reject) => commits.push({ resolve, reject }));
  return { commits, committer: new Committer({ commit }) };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
const copies = { durable: 2, safeAt: 2, wanted: 2 };

export const chromium = {
  async what_comes_while_a_commit_runs_goes_into_the_next_one() {
    const { commits, committer } = vault();
    const first = committer.change(async () => "first");
    await turn();
    assert.equal(commits.length, 1);
    let most = 0;
    let staging = 0;
    const stage = async () => {
      most = Math.max(most, ++staging);
      await turn();
      staging--;
    };
    const others = Array.from({ length: 50 }, () => committer.change(stage));
    await turn();
    assert.deepEqual([commits.length, staging, committer.pending], [1, 0, 51], "nothing is staged beside a commit");
    commits[0].resolve({ changed: true, copies });
    assert.deepEqual(await first, { value: "first", copies });
    while (commits.length < 2) await turn();
    assert.ok(most > 1 && most <= 8, `${most} at once`);
    commits[1].resolve({ changed: true });
    await Promise.all(others);
    assert.deepEqual([commits.length, committer.pending], [2, 0]);
  },

  async a_commit_that_fails_fails_its_changes_and_no_others() {
    const { commits, committer } = vault();
    const lost = committer.change(async () => undefined);
    const refused = committer.change(() => Promise.reject(new Error("refused")));
    await assert.rejects(refused, /refused/);
    const ending = assert.rejects(lost, /not safe/);
    while (commits.length < 1) await turn();
    const next = committer.change(async () => "next");
    commits[0].reject(new Error("not safe"));
    await ending;
    while (commits.length < 2) await turn();
    commits[1].resolve({ changed: true });
    assert.equal((await next).value, "next");
  },

  async a_change_that_takes_long_to_stage_holds_no_other_back() {
    const { commits, committer } = vault();
    let end;
    const long = committer.change(() => new Promise((resolve) => (end = resolve)));
    const short = committer.change(async () => "short");
    while (commits.length < 1) await turn();
    commits[0].resolve({ changed: true, copies });
    assert.deepEqual(await short, { value: "short", copies });
    assert.equal(committer.pending, 1);
    end("long");
    while (commits.length < 2) await turn();
    commits[1].resolve({ changed: true });
    assert.equal((await long).value, "long");
  },

  async what_is_staged_beside_a_commit_that_fails_fails_with_it() {
    const { commits, committer } = vault();
    const ends = [];
    const beside = [0, 1].map(() => committer.change(() => new Promise((resolve) => ends.push(resolve))));
    const doomed = committer.change(async () => undefined);
    while (commits.length < 1) await turn();
    const endings = [...beside, doomed].map((change) => assert.rejects(change, /not safe/));
    ends[0]();
    await turn();
    commits[0].reject(new Error("not safe"));
    // Staged before the vault gave it up, and heard of after.
    ends[1]();
    await Promise.all(endings);
    assert.equal(committer.pending, 0);
    const next = committer.change(async () => "next");
    while (commits.length < 2) await turn();
    commits[1].resolve({ changed: true });
    assert.equal((await next).value, "next");
  },

  async a_change_that_is_given_up_while_it_waits_is_not_staged() {
    const { commits, committer } = vault();
    const first = committer.change(async () => undefined);
    await turn();
    const abort = new AbortController();
    const waits = committer.change(() => assert.fail("it was given up"), abort.signal);
    const ending = assert.rejects(waits, /enough/);
    abort.abort(new Error("enough"));
    await ending;
    commits[0].resolve({ changed: true });
    await first;
    await turn();
    assert.equal(commits.length, 1);
  },

  async a_slow_reader_of_events_is_told_how_many_it_missed() {
    const events = new Events();
    const reader = events.subscribe();
    for (let blocks = 0; blocks < 300; blocks++) events.emit({ type: "evicted", blocks });
    assert.deepEqual((await reader.next()).value, { type: "missed", count: 44 });
    assert.deepEqual((await reader.next()).value, { type: "evicted", blocks: 44 });
    await reader.return();
    assert.equal(events.listened, false);
    const abort = new AbortController();
    const waiting = events.subscribe(abort.signal).next();
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    const last = events.subscribe();
    events.emit({ type: "changed" });
    events.close();
    const all = [];
    for await (const event of last) all.push(event.type);
    assert.deepEqual(all, ["changed"], "what came before the end is still told");
  },
};

export const tests = {};
