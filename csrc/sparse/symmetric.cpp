// Colourings of the graph of a symmetric matrix, and the recovery of its entries.

#include <algorithm>
#include <numeric>
#include <optional>

#include "sparse/colouring.h"
#include "sparse/ordering.h"

namespace pyautograd::sparse {

namespace {

// The adjacency graph: the pattern without its diagonal, every edge numbered.
struct Graph {
  std::vector<int64_t> starts = {0};
  std::vector<int32_t> neighbours;
  std::vector<int64_t> edges;  // one number for both directions
  int64_t edge_count = 0;

  explicit Graph(const Rows& symmetric) {
    const int64_t n = symmetric.count;
    std::vector<int64_t> next(n);
    for (int32_t v = 0; v < n; ++v) {
      next[v] = static_cast<int64_t>(neighbours.size());
      for (int32_t w : symmetric.of(v)) {
        if (w != v) neighbours.push_back(w);
      }
      starts.push_back(static_cast<int64_t>(neighbours.size()));
    }
    edges.resize(neighbours.size());
    // Neighbours ascend, so the edges to smaller vertices fill in the same order.
    for (int32_t v = 0; v < n; ++v) {
      for (int64_t k = starts[v]; k < starts[v + 1]; ++k) {
        if (neighbours[k] > v) edges[k] = edges[next[neighbours[k]]++] = edge_count++;
      }
    }
  }
  int64_t size() const { return static_cast<int64_t>(starts.size()) - 1; }
  template <class Visit>
  void operator()(int32_t v, Visit&& visit) const {
    for (int64_t k = starts[v]; k < starts[v + 1]; ++k) visit(neighbours[k]);
  }
};

// The greedy skeleton that both colourings share: a vertex takes the least colour that no rule has
// forbidden it.
class Greedy {
 public:
  Greedy(const Graph& graph, int64_t vertices)
      : graph_(graph),
        out_{std::vector<int32_t>(vertices, kNone), 0},
        forbidden_(vertices + 1, kNone),
        first_with_(vertices + 1) {}

 protected:
  struct Neighbour {
    int32_t of = kNone, vertex = kNone;
    int64_t edge = 0;
  };
  template <class Visit>
  void coloured(int32_t v, Visit&& visit) const {
    for (int64_t k = graph_.starts[v]; k < graph_.starts[v + 1]; ++k) {
      const int32_t w = graph_.neighbours[k];
      if (out_.colours[w] != kNone) visit(w, graph_.edges[k]);
    }
  }
  int32_t colour(int32_t v) const { return out_.colours[v]; }
  void forbid(int32_t v, int32_t colour) { forbidden_[colour] = v; }
  bool forbids(int32_t v, int32_t colour) const { return forbidden_[colour] == v; }
  void choose(int32_t v) {
    int32_t colour = 0;
    while (forbids(v, colour)) ++colour;
    out_.colours[v] = colour;
    out_.count = std::max(out_.count, colour + 1);
  }

  const Graph& graph_;
  Colouring out_;
  std::vector<int32_t> forbidden_;     // per colour: the last vertex that may not have it
  std::vector<Neighbour> first_with_;  // per colour: the first neighbour met with it
};

// Algorithm 4.1 of Gebremedhin et al. (2007): two-coloured components are kept as stars with hubs.
class Star : public Greedy {
 public:
  Star(const Graph& graph, int64_t vertices)
      : Greedy(graph, vertices), treated_(vertices, kNone), star_of_(graph.edge_count, 0) {}

  Colouring run(const std::vector<int32_t>& order) {
    for (int32_t v : order) {
      coloured(v, [&](int32_t w, int64_t) { restrict(v, w); });
      choose(v);
      coloured(v, [&](int32_t w, int64_t edge) { extend(v, w, edge); });
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
    first = {v, w, 0};
    coloured(w, [&](int32_t x, int64_t edge) {
      if (x != v && x == hubs_[star_of_[edge]]) forbid(v, colour(x));
    });
  }
  void treat(int32_t v, int32_t w) {
    coloured(w, [&](int32_t x, int64_t) {
      if (x != v) forbid(v, colour(x));
    });
    treated_[w] = v;
  }
  void extend(int32_t v, int32_t w, int64_t edge) {
    int64_t joined = kNone;
    coloured(w, [&](int32_t x, int64_t other) {
      if (x != v && colour(x) == colour(v)) joined = star_of_[other];
    });
    if (joined != kNone) {
      hubs_[joined] = w;
      star_of_[edge] = joined;
      return;
    }
    const Neighbour& first = first_with_[colour(w)];
    if (first.of == v && first.vertex != w) {
      const int64_t star = star_of_[edge_between(v, first.vertex)];
      hubs_[star] = v;
      star_of_[edge] = star;
      return;
    }
    star_of_[edge] = static_cast<int64_t>(hubs_.size());
    hubs_.push_back(kNone);
  }
  int64_t edge_between(int32_t v, int32_t w) const {
    const auto begin = graph_.neighbours.begin() + graph_.starts[v];
    const auto end = graph_.neighbours.begin() + graph_.starts[v + 1];
    return graph_.edges[std::lower_bound(begin, end, w) - graph_.neighbours.begin()];
  }

  std::vector<int32_t> treated_;
  std::vector<int64_t> star_of_;
  std::vector<int32_t> hubs_;  // kNone: a single edge has none yet
};

class DisjointSets {
 public:
  explicit DisjointSets(int64_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), 0);
  }
  int64_t find(int64_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void unite(int64_t i, int64_t j) { parents_[find(i)] = find(j); }

 private:
  std::vector<int64_t> parents_;
};

// Algorithm 3.1 of Gebremedhin et al. (2007): two-coloured components are kept as disjoint sets of
// edges; a colour that would close a cycle in one is forbidden.
class Acyclic : public Greedy {
 public:
  Acyclic(const Graph& graph, int64_t vertices)
      : Greedy(graph, vertices), trees_(graph.edge_count), visits_(graph.edge_count) {}

  Colouring run(const std::vector<int32_t>& order) {
    for (int32_t v : order) {
      coloured(v, [&](int32_t w, int64_t) { forbid(v, colour(w)); });
      coloured(v, [&](int32_t w, int64_t) {
        coloured(w, [&](int32_t x, int64_t edge) {
          if (x != v && !forbids(v, colour(x))) prevent_cycle(v, w, x, edge);
        });
      });
      choose(v);
      coloured(v, [&](int32_t w, int64_t edge) {
        Neighbour& first = first_with_[colour(w)];
        if (first.of == v) {
          trees_.unite(edge, first.edge);
        } else {
          first = {v, w, edge};
        }
        coloured(w, [&](int32_t x, int64_t other) {
          if (x != v && colour(x) == colour(v)) trees_.unite(edge, other);
        });
      });
    }
    return std::move(out_);
  }

 private:
  void prevent_cycle(int32_t v, int32_t w, int32_t x, int64_t edge) {
    Neighbour& visit = visits_[trees_.find(edge)];
    if (visit.of != v) {
      visit = {v, w, edge};
    } else if (visit.vertex != w) {
      forbid(v, colour(x));
    }
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
  return Star(graph, graph.size()).run(ordered(graph.size(), order, graph));
}

Colouring colour_acyclic(const Rows& symmetric, Order order) {
  if (std::optional<Colouring> dense = colour_dense(symmetric)) return *dense;
  const Graph graph(symmetric);
  return Acyclic(graph, graph.size()).run(ordered(graph.size(), order, graph));
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
