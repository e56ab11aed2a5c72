"""SciPy's functions on tensors and on NumPy arrays: a program for test_scipy_array_api.py.

SciPy reads ``SCIPY_ARRAY_API`` when it is imported, so that this runs in a process of its own. It
prints what went wrong with each function as JSON, "" where nothing did.
"""

import json
import warnings

import numpy as np
import scipy.special as special
from scipy import constants, integrate, stats
from scipy.cluster import hierarchy, vq

import pyautograd as pa

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(6, 3))
X, Y = RNG.normal(size=8), RNG.normal(size=8)
POSITIVE = RNG.uniform(0.2, 2, 8)
UNIT, OTHER = RNG.uniform(0.1, 0.9, (2, 6))

OF_ONE = """cbrt cosdg cosm1 cotdg ellipkm1 erfcx expi exprel gammasgn k0e k1e loggamma sindg spence
    tandg y0 y1 zetac log_ndtr ndtr ndtri erf erfc i0 i0e i1 i1e gammaln logit expit entr digamma
    exp1 expm1
    exp10 exp2 psi gamma rgamma sinc log1p log_expit erfinv erfcinv j0 j1 k0 k1 ellipk softmax
    log_softmax logsumexp"""
OF_TWO = """boxcox boxcox1p chdtri gammaincinv gammainccinv inv_boxcox inv_boxcox1p iv ive jv kv kve
    pdtr pdtrc poch yv
    xlog1py rel_entr xlogy chdtr chdtrc gammainc gammaincc stdtr stdtrit betaln binom kl_div huber
    pseudo_huber"""
OF_THREE = "betainc betaincc betaincinv fdtr fdtrc gdtr gdtrc hyp1f1"
STATISTICS = """skew kurtosis skewtest kurtosistest normaltest jarque_bera describe variation sem
    zscore moment kstat kstatvar tmean tvar tstd tsem tmin tmax iqr median_abs_deviation circmean
    circvar circstd mode lmoment differential_entropy rankdata sigmaclip"""
OF_POSITIVE = "gmean hmean gstd entropy chisquare power_divergence"
TESTS = """ttest_ind pearsonr bartlett levene fligner mannwhitneyu wilcoxon f_oneway kruskal
    alexandergovern cramervonmises_2samp mood ansari pointbiserialr brunnermunzel zmap"""


LINKAGE = hierarchy.linkage(MATRIX)


def bootstrapped(x):
    return stats.bootstrap((x,), np.mean, rng=1, n_resamples=20).confidence_interval


def table():
    for module, names, arrays in [
        (special, OF_ONE, (UNIT,)),
        (special, OF_TWO, (UNIT + 1, OTHER)),
        (special, OF_THREE, (UNIT + 1, OTHER, UNIT)),
        (stats, STATISTICS, (X,)),
        (stats, OF_POSITIVE, (POSITIVE,)),
        (stats, TESTS, (X, Y)),
    ]:
        for name in names.split():
            yield name, getattr(module, name), arrays
    yield "nbdtr", special.nbdtr, (np.array([1.0, 2.0]), np.array([2.0, 2.0]), UNIT[:2])
    yield "multigammaln", lambda x: special.multigammaln(x, 2), (UNIT + 5,)
    yield "ttest_1samp", lambda x: stats.ttest_1samp(x, 0.0), (X,)
    yield "boxcox_llf", lambda x: stats.boxcox_llf(1.5, x), (POSITIVE,)
    yield "trim_mean", lambda x: stats.trim_mean(x, 0.1), (X,)
    yield "pmean", lambda x: stats.pmean(x, 3), (POSITIVE,)
    yield "quantile", lambda x: stats.quantile(x, 0.3), (X,)
    yield "combine_pvalues", stats.combine_pvalues, (UNIT,)
    yield "false_discovery_control", stats.false_discovery_control, (UNIT,)
    yield "directional_stats", stats.directional_stats, (MATRIX,)
    yield "whiten", vq.whiten, (MATRIX,)
    yield "vq", vq.vq, (MATRIX, MATRIX[:2])
    yield "kmeans", vq.kmeans, (MATRIX, MATRIX[:2])
    yield "kmeans2", lambda x, y: vq.kmeans2(x, y, minit="matrix"), (MATRIX, MATRIX[:2])
    yield "spearmanr", stats.spearmanr, (X, Y)
    yield "spearmanr of a matrix", stats.spearmanr, (MATRIX,)
    yield "chatterjeexi", stats.chatterjeexi, (X, Y)
    yield "epps_singleton_2samp", stats.epps_singleton_2samp, (X, Y)
    yield "friedmanchisquare", stats.friedmanchisquare, (X, Y, POSITIVE)
    yield "ks_1samp", lambda x: stats.ks_1samp(x, special.ndtr), (X,)
    yield "ttest_rel", stats.ttest_rel, (X, Y)
    yield "gzscore", stats.gzscore, (POSITIVE,)
    yield "cumfreq", stats.cumfreq, (X,)
    yield "cross entropy", stats.entropy, (UNIT, OTHER)
    yield "bootstrap", bootstrapped, (X,)
    for name in "single complete average weighted centroid median ward".split():
        yield f"{name} linkage", getattr(hierarchy, name), (MATRIX,)
    for name in "cophenet inconsistent maxdists leaves_list to_mlab_linkage cut_tree".split():
        yield name, getattr(hierarchy, name), (LINKAGE,)
    yield "is_monotonic", hierarchy.is_monotonic, (LINKAGE,)
    yield "maxinconsts", lambda z: hierarchy.maxinconsts(z, hierarchy.inconsistent(z)), (LINKAGE,)
    yield "fclusterdata", lambda x: hierarchy.fclusterdata(x, 1.0), (MATRIX,)
    yield "linkage", hierarchy.linkage, (MATRIX,)
    yield "fcluster", lambda x: hierarchy.fcluster(hierarchy.linkage(x), 1.0), (MATRIX,)
    yield "cophenet", lambda x: hierarchy.cophenet(hierarchy.linkage(x)), (MATRIX,)
    yield "leaves_list", lambda x: hierarchy.leaves_list(hierarchy.linkage(x)), (MATRIX,)
    yield "inconsistent", lambda x: hierarchy.inconsistent(hierarchy.linkage(x)), (MATRIX,)
    yield "trapezoid", integrate.trapezoid, (X,)
    yield "cumulative_trapezoid", integrate.cumulative_trapezoid, (X,)
    yield "convert_temperature", lambda x: constants.convert_temperature(x, "C", "K"), (X,)


NAMES = [name for name, _, _ in table()]


def parts(result):
    """The arrays in a result: one, a tuple, or the fields of an object."""
    if isinstance(result, (tuple, list)):
        return [part for item in result for part in parts(item)]
    if isinstance(result, (pa.Tensor, np.ndarray, np.generic, float, int)):
        return [result]
    return [part for item in vars(result).values() for part in parts(item)]


def complaint(function, arrays):
    want = parts(function(*arrays))
    got = parts(function(*[pa.asarray(a) for a in arrays]))
    if not any(isinstance(y, pa.Tensor) for y in got):
        return "the result is no tensor"
    for y, expected in zip(got, want, strict=True):
        try:
            np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-10, atol=1e-13)
        except AssertionError as error:
            return str(error)
    return ""


def main():
    warnings.simplefilter("ignore")
    found = {}
    for name, function, arrays in table():
        try:
            found[name] = complaint(function, arrays)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
