/* How the search ranks: names and titles, then pages of the documentation, then the rest. */
const LAST = new Set(["CHANGELOG", "CONTRIBUTING"]);

var Scorer = {
  score: ([page, title, anchor, description, score]) => (LAST.has(page) ? score - 10 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
