// Colourings of the graph of a symmetric matrix, and the recovery of its entries.

#include <algorithm>
#include <numeric>
#include <optional>

#include "sparse/colouring.h"
#include "sparse/ordering.h"

namespace pyautograd::sparse {

namespace {

// The adjacency graph: the pattern without its diagonal.
struct Graph {
  std::vector<int64_t> starts = {0};
  std::vector<int32_t> neighbours;

  explicit Graph(const Rows& symmetric) {
    for (int32_t v = 0; v < symmetric.count; ++v) {
      for (int32_t w : symmetric.of(v)) {
        if (w != v) neighbours.push_back(w);
      }
      starts.push_back(static_cast<int64_t>(neighbours.size()));
    }
  }
  int64_t size() const { return static_cast<int64_t>(starts.size()) - 1; }
  template <class Visit>
  void operator()(int32_t v, Visit&& visit) const {
    for (int64_t k = starts[v]; k < starts[v + 1]; ++k) visit(neighbours[k]);
  }
};

// The greedy skeleton that both colourings share: a vertex takes the least colour that no rule has
// forbidden it. What is known of its coloured neighbours is kept once per colour, so a vertex with
// many neighbours of few colours is passed quickly.
class Greedy {
 public:
  explicit Greedy(const Graph& graph)
      : graph_(graph),
        out_{std::vector<int32_t>(graph.size(), kNone), 0},
        forbidden_(graph.size() + 1, kNone),
        first_with_(graph.size() + 1),
        slots_(graph.neighbours.size()),
        slot_counts_(graph.size(), 0) {}

 protected:
  struct Neighbour {
    int32_t of = kNone, vertex = kNone;
  };
  // The edges from a vertex to its neighbours of one colour: they lie in one two-coloured
  // component.
  struct Slot {
    int32_t colour = kNone;
    int64_t component = 0;
  };
  template <class Visit>
  void coloured(int32_t v, Visit&& visit) const {
    graph_(v, [&](int32_t w) {
      if (out_.colours[w] != kNone) visit(w);
    });
  }
  std::span<const Slot> slots(int32_t v) const {
    return {slots_.data() + graph_.starts[v], static_cast<size_t>(slot_counts_[v])};
  }
  const Slot* slot(int32_t v, int32_t colour) const {
    for (const Slot& slot : slots(v)) {
      if (slot.colour == colour) return &slot;
    }
    return nullptr;
  }
  void add_slot(int32_t v, int32_t colour, int64_t component) {
    if (!slot(v, colour)) slots_[graph_.starts[v] + slot_counts_[v]++] = {colour, component};
  }
  int32_t colour(int32_t v) const { return out_.colours[v]; }
  void forbid(int32_t v, int32_t colour) { forbidden_[colour] = v; }
  bool forbids(int32_t v, int32_t colour) const { return forbidden_[colour] == v; }
  void choose(int32_t v) {
    int32_t least = 0;
    while (forbids(v, least)) ++least;
    out_.colours[v] = least;
    out_.count = std::max(out_.count, least + 1);
  }

  const Graph& graph_;
  Colouring out_;
  std::vector<int32_t> forbidden_;     // per colour: the last vertex that may not have it
  std::vector<Neighbour> first_with_;  // per colour: the first neighbour met with it

 private:
  std::vector<Slot> slots_;  // of vertex v from starts[v] on
  std::vector<int32_t> slot_counts_;
};

// Algorithm 4.1 of Gebremedhin et al. (2007): two-coloured components are kept as stars with hubs.
class Star : public Greedy {
 public:
  explicit Star(const Graph& graph) : Greedy(graph), treated_(graph.size(), kNone) {}

  Colouring run(const std::vector<int32_t>& order) {
    for (int32_t v : order) {
      coloured(v, [&](int32_t w) { restrict(v, w); });
      choose(v);
      coloured(v, [&](int32_t w) { extend(v, w); });
    }
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
    int64_t star = static_cast<int64_t>(hubs_.size());
    if (const Slot* there = slot(w, colour(v))) {
      star = there->component;
      hubs_[star] = w;
    } else if (const Slot* here = slot(v, colour(w))) {
      star = here->component;
      hubs_[star] = v;
    } else {
      hubs_.push_back(kNone);
    }
    add_slot(v, colour(w), star);
    add_slot(w, colour(v), star);
  }

  std::vector<int32_t> treated_;
  std::vector<int32_t> hubs_;  // kNone: a single edge has none yet
};

class DisjointSets {
 public:
  int64_t add() {
    parents_.push_back(static_cast<int64_t>(parents_.size()));
    return parents_.back();
  }
  int64_t find(int64_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void unite(int64_t i, int64_t j) { parents_[find(i)] = find(j); }

 private:
  std::vector<int64_t> parents_;
};

// Algorithm 3.1 of Gebremedhin et al. (2007): two-coloured components are kept as disjoint sets; a
// colour that would close a cycle in one is forbidden.
class Acyclic : public Greedy {
 public:
  explicit Acyclic(const Graph& graph) : Greedy(graph) {}

  Colouring run(const std::vector<int32_t>& order) {
    for (int32_t v : order) {
      coloured(v, [&](int32_t w) { forbid(v, colour(w)); });
      coloured(v, [&](int32_t w) {
        for (const Slot& slot : slots(w)) {
          if (!forbids(v, slot.colour)) prevent_cycle(v, w, slot);
        }
      });
      choose(v);
      coloured(v, [&](int32_t w) { extend(v, w); });
    }
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
    int64_t tree = 0;
    if (there || here) {
      tree = (there ? there : here)->component;
    } else {
      tree = trees_.add();
      visits_.emplace_back();
    }
    add_slot(v, colour(w), tree);
    add_slot(w, colour(v), tree);
  }

  DisjointSets trees_;
  std::vector<Neighbour> visits_;  // per tree: who looked at it last, and from which neighbour
};

// Where entry (i, j) stands in a pattern that has it.
int64_t place_of(const Rows& pattern, int32_t i, int32_t j) {
  const std::span<const int32_t> row = pattern.of(i);
  return pattern.starts[i] + (std::lower_bound(row.begin(), row.end(), j) - row.begin());
}

// The entries of the diagonal can be read off: no neighbour has the colour of its vertex.
void recover_diagonal(const Rows& symmetric, const Colouring& colouring, Recovery& out) {
  for (int32_t i = 0; i < symmetric.count; ++i) {
    const std::span<const int32_t> row = symmetric.of(i);
    if (!std::binary_search(row.begin(), row.end(), i)) continue;
    const int64_t entry = place_of(symmetric, i, i);
    out.entries.push_back(entry);
    out.mirrors.push_back(entry);
    out.sources.push_back(colouring.colours[i] * symmetric.count + i);
  }
}

// Where most entries differ from zero, little is to be gained and a search takes cubic time: every
// vertex has a colour of its own.
std::optional<Colouring> colour_dense(const Rows& symmetric) {
  const int64_t n = symmetric.count;
  if (n < 64 || 2 * symmetric.entries() < n * n) return {};
  Colouring out{std::vector<int32_t>(n), static_cast<int32_t>(n)};
  std::iota(out.colours.begin(), out.colours.end(), 0);
  return out;
}

}  // namespace

Colouring colour_star(const Rows& symmetric, Order order) {
  if (std::optional<Colouring> dense = colour_dense(symmetric)) return *dense;
  const Graph graph(symmetric);
  return Star(graph).run(ordered(graph.size(), order, graph));
}

Colouring colour_acyclic(const Rows& symmetric, Order order) {
  if (std::optional<Colouring> dense = colour_dense(symmetric)) return *dense;
  const Graph graph(symmetric);
  return Acyclic(graph).run(ordered(graph.size(), order, graph));
}

Recovery recover_star(const Rows& symmetric, const Colouring& colouring) {
  const int64_t n = symmetric.count;
  const std::vector<int32_t>& colour = colouring.colours;
  Recovery out;
  recover_diagonal(symmetric, colouring, out);
  // Entry (i, j) is alone in row i among the columns of its colour if i is no hub of their star.
  std::vector<int32_t> meets(colouring.count, 0);
  std::vector<uint8_t> alone(symmetric.indices.size());
  for (int32_t i = 0; i < n; ++i) {
    for (int32_t j : symmetric.of(i)) ++meets[colour[j]];
    for (int64_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k)
      alone[k] = meets[colour[symmetric.indices[k]]] == 1;
    for (int32_t j : symmetric.of(i)) meets[colour[j]] = 0;
  }
  for (int32_t i = 0; i < n; ++i) {
    for (int64_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
      const int32_t j = symmetric.indices[k];
      if (j <= i) continue;
      out.entries.push_back(k);
      out.mirrors.push_back(place_of(symmetric, j, i));
      out.sources.push_back(alone[k] ? colour[j] * n + i : colour[i] * n + j);
    }
  }
  return out;
}

Recovery recover_acyclic(const Rows& symmetric, const Colouring& colouring) {
  const int64_t n = symmetric.count;
  const std::vector<int32_t>& colour = colouring.colours;
  Recovery out;
  recover_diagonal(symmetric, colouring, out);
  out.leaves.assign(out.entries.size(), kNone);
  out.parents.assign(out.entries.size(), kNone);
  // In the two-coloured trees a vertex stands once for each colour among its neighbours: as a slot.
  std::vector<int64_t> slot_of(symmetric.indices.size());
  std::vector<int32_t> slot_degree;
  std::vector<int64_t> slot_with(colouring.count, kNone);
  for (int32_t i = 0; i < n; ++i) {
    const int64_t first = static_cast<int64_t>(slot_degree.size());
    for (int64_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
      const int32_t j = symmetric.indices[k];
      if (j == i) continue;
      int64_t& slot = slot_with[colour[j]];
      if (slot < first) {
        slot = static_cast<int64_t>(slot_degree.size());
        slot_degree.push_back(0);
      }
      slot_of[k] = slot;
      ++slot_degree[slot];
    }
  }
  out.sums = static_cast<int64_t>(slot_degree.size());
  std::vector<uint8_t> done(symmetric.indices.size(), 0);
  // Strips leaves from the trees: from a vertex whose slot has one edge left, on while the other
  // end has become a leaf.
  const auto strip = [&](int32_t i, int64_t slot, int32_t with) {
    while (slot_degree[slot] == 1) {
      int64_t k = symmetric.starts[i];
      while (done[k] || symmetric.indices[k] == i || colour[symmetric.indices[k]] != with) ++k;
      const int32_t j = symmetric.indices[k];
      const int64_t mirror = place_of(symmetric, j, i);
      done[k] = done[mirror] = 1;
      --slot_degree[slot];
      --slot_degree[slot_of[mirror]];
      out.entries.push_back(k);
      out.mirrors.push_back(mirror);
      out.sources.push_back(with * n + i);
      out.leaves.push_back(slot);
      out.parents.push_back(slot_of[mirror]);
      with = colour[i];
      slot = slot_of[mirror];
      i = j;
    }
  };
  for (int32_t i = 0; i < n; ++i) {
    for (int64_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
      const int32_t j = symmetric.indices[k];
      if (j != i) strip(i, slot_of[k], colour[j]);
    }
  }
  return out;
}

}  // namespace pyautograd::sparse
