// Colourings of the graph of a symmetric matrix.

#include <algorithm>
#include <numeric>
#include <optional>

#include "sparse/colouring.h"
#include "sparse/ordering.h"

namespace pyautograd::sparse {

namespace {

// The adjacency graph: the pattern without its diagonal.
class Graph {
 public:
  explicit Graph(const Rows& symmetric) : rows_(symmetric) {}
  int64_t size() const { return rows_.count; }
  // Where something may be kept for each neighbour of a vertex, and how much that is in all.
  int64_t first(int32_t v) const { return rows_.starts[v]; }
  int64_t places() const { return rows_.entries(); }
  template <class Visit>
  void operator()(int32_t v, Visit&& visit) const {
    for (int32_t w : rows_.of(v)) {
      if (w != v) visit(w);
    }
  }

 private:
  const Rows& rows_;
};

// The greedy skeleton that both colourings share: a vertex takes the least colour that no rule has
// forbidden it. What is known of its coloured neighbours is kept once per colour, so a vertex with
// many neighbours of few colours is passed quickly.
class Greedy {
 public:
  explicit Greedy(const Graph& graph)
      : graph_(graph),
        out_{CachedVector<int32_t>(graph.size(), kNone), 0},
        forbidden_(1, kNone),
        first_with_(1),
        slots_(graph.places()),
        slot_counts_(graph.size(), 0) {}

 protected:
  struct Neighbour {
    int32_t of = kNone, vertex = kNone;
  };
  // The edges from a vertex to its neighbours of one colour: they lie in one two-coloured
  // component.
  struct Slot {
    int32_t colour, component;
  };
  template <class Visit>
  void coloured(int32_t v, Visit&& visit) const {
    graph_(v, [&](int32_t w) {
      if (out_.colours[w] != kNone) visit(w);
    });
  }
  std::span<const Slot> slots(int32_t v) const {
    return {slots_.data() + graph_.first(v), static_cast<size_t>(slot_counts_[v])};
  }
  const Slot* slot(int32_t v, int32_t colour) const {
    for (const Slot& slot : slots(v)) {
      if (slot.colour == colour) return &slot;
    }
    return nullptr;
  }
  void add_slot(int32_t v, int32_t colour, int32_t component) {
    slots_[graph_.first(v) + slot_counts_[v]++] = {colour, component};
  }
  int32_t colour(int32_t v) const { return out_.colours[v]; }
  void forbid(int32_t v, int32_t colour) { forbidden_[colour] = v; }
  bool forbids(int32_t v, int32_t colour) const { return forbidden_[colour] == v; }
  void choose(int32_t v) {
    int32_t least = 0;
    while (forbids(v, least)) ++least;
    out_.colours[v] = least;
    if (least < out_.count) return;
    ++out_.count;
    forbidden_.push_back(kNone);
    first_with_.emplace_back();
  }

  const Graph graph_;
  Colouring out_;
  // Per colour, and for one that nobody has yet:
  CachedVector<int32_t> forbidden_;     // the last vertex that may not have it
  CachedVector<Neighbour> first_with_;  // the first neighbour met with it

 private:
  CachedVector<Slot> slots_;  // of each vertex from graph_.first on
  CachedVector<int32_t> slot_counts_;
};

// Algorithm 4.1 of Gebremedhin et al. (2007): two-coloured components are kept as stars with hubs.
class Star : public Greedy {
 public:
  explicit Star(const Graph& graph) : Greedy(graph), treated_(graph.size(), kNone) {}

  Colouring run(Order order) {
    in_order(graph_.size(), order, graph_, [&](int32_t v) {
      coloured(v, [&](int32_t w) { restrict(v, w); });
      choose(v);
      coloured(v, [&](int32_t w) { extend(v, w); });
    });
    return std::move(out_);
  }

 private:
  void restrict(int32_t v, int32_t w) {
    forbid(v, colour(w));
    Neighbour& first = first_with_[colour(w)];
    if (first.of == v) {
      // v would be the hub of both: none of their neighbours may have its colour.
      if (treated_[first.vertex] != v) treat(v, first.vertex);
      treat(v, w);
      return;
    }
    first = {v, w};
    for (const Slot& slot : slots(w)) {
      const int32_t hub = hubs_[slot.component];
      if (hub != kNone && hub != w) forbid(v, slot.colour);
    }
  }
  void treat(int32_t v, int32_t w) {
    for (const Slot& slot : slots(w)) forbid(v, slot.colour);
    treated_[w] = v;
  }
  void extend(int32_t v, int32_t w) {
    const Slot *there = slot(w, colour(v)), *here = slot(v, colour(w));
    int32_t star = static_cast<int32_t>(hubs_.size());
    if (there) {
      star = there->component;
      hubs_[star] = w;
    } else if (here) {
      star = here->component;
      hubs_[star] = v;
    } else {
      hubs_.push_back(kNone);
    }
    if (!here) add_slot(v, colour(w), star);
    if (!there) add_slot(w, colour(v), star);
  }

  CachedVector<int32_t> treated_;
  CachedVector<int32_t> hubs_;  // kNone: a single edge has none yet
};

class DisjointSets {
 public:
  int32_t add() {
    parents_.push_back(static_cast<int32_t>(parents_.size()));
    return parents_.back();
  }
  int32_t find(int32_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void unite(int32_t i, int32_t j) { parents_[find(i)] = find(j); }

 private:
  CachedVector<int32_t> parents_;
};

// Algorithm 3.1 of Gebremedhin et al. (2007): two-coloured components are kept as disjoint sets; a
// colour that would close a cycle in one is forbidden.
class Acyclic : public Greedy {
 public:
  explicit Acyclic(const Graph& graph) : Greedy(graph) {}

  Colouring run(Order order) {
    in_order(graph_.size(), order, graph_, [&](int32_t v) {
      coloured(v, [&](int32_t w) { forbid(v, colour(w)); });
      coloured(v, [&](int32_t w) {
        for (const Slot& slot : slots(w)) {
          if (!forbids(v, slot.colour)) prevent_cycle(v, w, slot);
        }
      });
      choose(v);
      coloured(v, [&](int32_t w) { extend(v, w); });
    });
    return std::move(out_);
  }

 private:
  void prevent_cycle(int32_t v, int32_t w, const Slot& slot) {
    Neighbour& visit = visits_[trees_.find(slot.component)];
    if (visit.of != v) {
      visit = {v, w};
    } else if (visit.vertex != w) {
      forbid(v, slot.colour);
    }
  }
  void extend(int32_t v, int32_t w) {
    const Slot *there = slot(w, colour(v)), *here = slot(v, colour(w));
    if (there && here) {
      trees_.unite(there->component, here->component);
      return;
    }
    int32_t tree = 0;
    if (there || here) {
      tree = (there ? there : here)->component;
    } else {
      tree = trees_.add();
      visits_.emplace_back();
    }
    if (!here) add_slot(v, colour(w), tree);
    if (!there) add_slot(w, colour(v), tree);
  }

  DisjointSets trees_;
  CachedVector<Neighbour> visits_;  // per tree: who looked at it last, and from which neighbour
};

// Where most entries differ from zero, little is to be gained and a search takes cubic time: every
// vertex has a colour of its own.
std::optional<Colouring> colour_dense(const Rows& symmetric) {
  const int64_t n = symmetric.count;
  if (n < 64 || 2 * symmetric.entries() < n * n) return {};
  Colouring out{CachedVector<int32_t>(n), static_cast<int32_t>(n)};
  std::iota(out.colours.begin(), out.colours.end(), 0);
  return out;
}

}  // namespace

Colouring colour_star(const Rows& symmetric, Order order) {
  if (std::optional<Colouring> dense = colour_dense(symmetric)) return *dense;
  return Star(Graph(symmetric)).run(order);
}

Colouring colour_acyclic(const Rows& symmetric, Order order) {
  if (std::optional<Colouring> dense = colour_dense(symmetric)) return *dense;
  return Acyclic(Graph(symmetric)).run(order);
}

}  // namespace pyautograd::sparse
