#pragma once

#include <span>
#include <vector>

#include "kernels/linalg.h"
#include "ops/matmul.h"

// Linear algebra over the last two axes; the axes in front are a batch. Ops are registered as
// linalg.<name>.
namespace pyautograd::ops::linalg {

// Solvers.

Tensor solve(const Tensor& a, const Tensor& b);
Tensor inv(const Tensor& a);
enum class Transpose : uint8_t { None, Plain, Conjugate };
struct TriangularForm {
  bool lower = false;
  Transpose transpose = Transpose::None;
  bool unit_diagonal = false;
  bool checked = false;  // a zero on the diagonal raises LinAlgError
};
// op(a) x = b with matrices b.
Tensor solve_matrix(const Tensor& a, const Tensor& b, TriangularForm form);
Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularForm form);
Tensor solve_sylvester(const Tensor& a, const Tensor& b, const Tensor& q);
// The derivative of a root x along q: x y + y x = q, where a failure is one of sqrtm.
Tensor solve_for_root(const Tensor& x, const Tensor& q);
Tensor pinv(const Tensor& a, std::optional<double> rcond = {}, bool hermitian = false,
            std::optional<double> rtol = {});
Tensors lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond = {});

// The LU factors of a transposed square matrix as values without derivatives, to solve with again
// and again.
struct Factors {
  Tensor lu, pivots;
};
// `op` names the caller; exact singularity raises LinAlgError.
Factors factors(std::string_view op, const Tensor& a);
// As above; what is divided by a zero pivot becomes inf or nan.
Factors factors_unchecked(const Tensor& a);
// a x = b, or the transposed system, differentiable in a and matrices b.
Tensor solve_with(const Factors& factors, const Tensor& a, const Tensor& b,
                  bool transposed = false);
// From factors of a, which may be unchecked; differentiable in a.
Tensor inverse_with(const Factors& factors, const Tensor& a);
// Row i of x comes from row permutation[i]; or, inverted, goes there.
Tensor permutation_of(const Tensor& pivots, int64_t rows, bool inverted);
Tensor permute_rows(const Tensor& x, const Tensor& pivots, bool inverted);

// Determinants and factorizations.

Tensor det(const Tensor& a);
Tensors slogdet(const Tensor& a);
Tensor cholesky(const Tensor& a, bool upper = false);
// As part of another op, which says what is wrong with a matrix that has no factor.
Tensor cholesky_within(std::string_view op, std::string_view failure, const Tensor& a, bool upper);
Tensors qr(const Tensor& a, std::string_view mode = "reduced");
// Reflections as LAPACK stores them, by rows, and their factors: qr(a, "raw").
Tensors householder(const Tensor& a);
Tensors lu_factor(const Tensor& a);
// With b, the spectrum of a v = w b v, of type 2 a b v = w v, of type 3 b a v = w v.
Tensors eigh(const Tensor& a, const std::optional<Tensor>& b = {}, std::string_view uplo = "L",
             int64_t type = 1);
Tensor eigvalsh(const Tensor& a, const std::optional<Tensor>& b = {}, std::string_view uplo = "L",
                int64_t type = 1);
Tensors eig(const Tensor& a);
Tensor eigvals(const Tensor& a);
Tensors svd(const Tensor& a, bool full_matrices = true, bool compute_uv = true,
            bool hermitian = false);
Tensor svdvals(const Tensor& x);
// The same, where the values have been computed already.
Tensor svdvals_known(const Tensor& x, const Tensor& values);

// Eigenvalues and eigenvectors v of Hermitian matrices. Elementwise functions y of the values
// remember the matrix a: what is made of them is f(a), with derivatives of every order where values
// repeat. Anything else has the derivatives that eigenvectors have.
Tensors eigh_for_function(std::string_view op, const Tensor& a);
Tensor function_from_eigen(const Tensor& y, const Tensor& v);

// Functions of matrices, norms.

Tensor matrix_power(const Tensor& a, int64_t n);
Tensor expm(const Tensor& a);

// What the family shares.

// An op on the last axes of its inputs. The axes in front broadcast, so under vmap the mapped one
// joins them.
class OnMatrices : public Primitive {
 public:
  // On all of the matrix at the same place of the batch.
  Dependence dependence(const DependenceArgs& args) const override;
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;

 protected:
  // How many of the last axes belong to the op.
  virtual int64_t core_rank([[maybe_unused]] size_t input) const { return 2; }
};

inline Tensor constant_like(const Tensor& x, double value) { return scalar(value, x.dtype()); }
inline Tensor adjoint(const Tensor& x) { return conj(matrix_transpose(x)); }

inline int64_t rows(const Tensor& x) { return x.shape()[x.ndim() - 2]; }
inline int64_t columns(const Tensor& x) { return x.shape().back(); }
// The shape without its last axes.
Dims lead(const Tensor& x, int64_t core_rank = 2);
Dims with_core(Dims lead, std::initializer_list<int64_t> core);
// The leads of all inputs, broadcast.
Dims common_lead(std::string_view op, TensorSpan inputs);

// Checks of arguments, with NumPy's exceptions.
void require_matrices(std::string_view op, const Tensor& x, const char* name = "a");
void require_square(std::string_view op, const Tensor& x, const char* name = "a");
// x in a dtype that LAPACK has.
Tensor floating(const Tensor& x);
[[noreturn]] void linalg_error(std::string_view op, std::string_view message);
// Raises `message` where a number is not zero, naming the matrix if there are several.
void raise_where_nonzero(std::string_view op, const std::vector<int32_t>& info,
                         std::string_view message);
// Says what to install where the host has no LAPACK.
void require_lapack(std::string_view op, Device device);

// Memory for matrices, stored by columns, one behind the other.
Ref<Array> empty_by_columns(const Dims& lead, int64_t rows, int64_t columns, DType dtype,
                            Device device);
// A copy of the matrices in x, broadcast to `lead`.
Ref<Array> copy_by_columns(const Tensor& x, const Dims& lead, Device device);
// Likewise by rows, as tensors usually are, which is much faster then: kernels see these matrices
// transposed.
Ref<Array> copy_by_rows(const Tensor& x, const Dims& lead, Device device, int64_t core_rank = 2);
// x itself where it is stored by rows without gaps on the device, else a copy.
Tensor stored_by_rows(const Tensor& x, Device device, int64_t core_rank = 2);
bool is_by_columns(const Tensor& x);
kernels::Matrices matrices(const Array& by_columns);
kernels::Matrices transposed_matrices(const Array& by_rows);
inline constexpr std::string_view kSingular = "the matrix is singular";
// a x = b or a^T x = b, of inputs a, b, without derivatives.
Ref<const Primitive> solve_once(bool transposed);
// Row exchanges, wherever they lie, as kernels take them.
inline int32_t* pivots_of(const Array& x) { return static_cast<int32_t*>(x.address()); }
// For every matrix of a batch `full`, which one of the batch `lead` it meets in broadcasting.
std::vector<int64_t> broadcast_numbers(const Dims& lead, const Dims& full);

Tensor identity_matrix(int64_t n, DType dtype, Device device);
// Elements [begin, end) of the second last, or of the last axis.
Tensor row_range(const Tensor& x, int64_t begin, int64_t end);
Tensor column_range(const Tensor& x, int64_t begin, int64_t end);
Tensor scale_columns(const Tensor& x, const Tensor& v);  // x diag(v)
Tensor hermitian_part(const Tensor& x);
// tril(a @ b) or triu(a @ b), for less than the whole product where square results are large.
// `upper_a` promises that of a the upper triangle alone is not zero.
Tensor lower_product(const Tensor& a, const Tensor& b, bool upper_a = false);
Tensor upper_product(const Tensor& a, const Tensor& b);
// Divides an n by n matrix x by the differences v[j] - v[i], of which those that are zero within
// rounding have no meaning: there the result is nan, so that no wrong number passes for a
// derivative. Only where nothing is `moving` behind x, in a masked branch, does that stay zero; the
// diagonal is zero always.
Tensor over_differences(const Tensor& x, const Tensor& v, const Tensor& moving);
// What of the differences of values is rounding, as a last axis of one.
Tensor rounding_of(const Tensor& v);
// Pairs i, j of different places with v[i] = v[j] within rounding.
Tensor equal_pairs(const Tensor& v);
// Whether a tangent or cotangent is not zero altogether; or which columns of one are not, for every
// pair of them.
Tensor moves(const Tensor& t);
Tensor moves_by_pairs(const Tensor& t);
// `value`, with an edge to x: a derivative that is zero everywhere reaches x as zeros.
Tensor constant_in(const Tensor& x, const Tensor& value);
// The sum of absent and present terms; absent if all are.
Tensor total(std::initializer_list<Tensor> terms);

void register_solvers(Registry& registry);
void register_banded_solvers(Registry& registry);
void register_determinants(Registry& registry);
void register_factorizations(Registry& registry);
void register_spectra(Registry& registry);
void register_general_spectra(Registry& registry);
void register_least_squares(Registry& registry);
void register_matrix_functions(Registry& registry);
void register_norms(Registry& registry);
void register_matrix_products(Registry& registry);

}  // namespace pyautograd::ops::linalg
