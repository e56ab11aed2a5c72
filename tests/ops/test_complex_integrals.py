"""Exponential, sine and Dawson integrals and the dilogarithm of complex numbers: against numbers of
mpmath's, on their cuts, and where SciPy has limits."""

import itertools

import numpy as np
import pytest
import scipy.special as sc
from support.modes import complex_derivative

import pyautograd as pa

FUNCTIONS = {
    "exp1": pa.special.exp1,
    "expi": pa.special.expi,
    "dawsn": pa.special.dawsn,
    "spence": pa.special.spence,
    "si": lambda z: pa.special.sici(z)[0],
    "ci": lambda z: pa.special.sici(z)[1],
    "shi": lambda z: pa.special.shichi(z)[0],
    "chi": lambda z: pa.special.shichi(z)[1],
}
# The value, the first derivative and the second.
CASES = [
    (
        "exp1",
        1e-8 + 2e-9j,
        17.823854732474192 - 0.19739555784988078j,
        -96153845.15384616 + 19230769.230769232j,
        8875739644970413 - 3698224852071006j,
    ),
    (
        "exp1",
        0.3 - 1.2j,
        -0.23192666755245292 + 0.36272392324558417j,
        0.4889107690522724 - 0.34592871469776154j,
        -0.8560922647078251 + 0.030298447734756057j,
    ),
    (
        "exp1",
        -3 + 0.5j,
        -9.383603509330943 + 0.12921297008462976j,
        6.237287624730924 - 2.1702918483961304j,
        -4.0970704573373204 + 1.8035640934963544j,
    ),
    (
        "exp1",
        -30 - 8j,
        -43902305589.61498 - 352866932016.8052j,
        39352221627.90258 + 341931132717.972j,
        -35289964666.719124 - 331616696817.0218j,
    ),
    (
        "exp1",
        2 + 3j,
        -0.024826207944199364 + 0.02031667491104462j,
        0.025019798357114677 - 0.027980439405104418j,
        -0.02241197362626207 + 0.03805892201137772j,
    ),
    (
        "exp1",
        12 - 40j,
        -1.3355453495250373e-07 - 5.903498004994687e-08j,
        1.3319899560635823e-07 + 6.248552825080749e-08j,
        -1.3268234813918164e-07 - 6.597049738111942e-08j,
    ),
    (
        "exp1",
        -60 + 1j,
        -1.0734458794135468e24 + 1.611035967497664e24j,
        1.054782550544801e24 - 1.5840304291010853e24j,
        -1.0367678370036209e24 + 1.5579301671750869e24j,
    ),
    (
        "expi",
        1e-8 - 1e-9j,
        -17.83848990362425 - 0.09966865349116204j,
        99009901.99009901 + 9900990.099009901j,
        -9704930889128516 - 1960592098813841.8j,
    ),
    (
        "expi",
        -0.3 + 1.2j,
        0.23192666755245292 + 2.7788687303442092j,
        0.4889107690522724 - 0.34592871469776154j,
        0.8560922647078251 - 0.030298447734756057j,
    ),
    (
        "expi",
        3 + 0.5j,
        9.383603509330943 + 3.270805623674423j,
        6.237287624730924 + 2.1702918483961304j,
        4.0970704573373204 + 1.8035640934963544j,
    ),
    (
        "expi",
        30 - 8j,
        43902305589.61498 - 352866932019.9468j,
        39352221627.90258 - 341931132717.972j,
        35289964666.719124 - 331616696817.0218j,
    ),
    (
        "expi",
        -2 + 3j,
        0.024826207944199364 + 3.1619093285008377j,
        0.025019798357114677 + 0.027980439405104418j,
        0.02241197362626207 + 0.03805892201137772j,
    ),
    (
        "expi",
        -12 - 40j,
        1.3355453495250373e-07 - 3.141592712624773j,
        1.3319899560635823e-07 - 6.248552825080749e-08j,
        1.3268234813918164e-07 - 6.597049738111942e-08j,
    ),
    (
        "expi",
        60 + 1j,
        1.0734458794135468e24 + 1.611035967497664e24j,
        1.054782550544801e24 + 1.5840304291010853e24j,
        1.0367678370036209e24 + 1.5579301671750869e24j,
    ),
    ("dawsn", 1e-9 + 3e-9j, 1e-09 + 3e-09j, 1 - 1.2000000000000001e-17j, -4e-09 - 1.2e-08j),
    (
        "dawsn",
        0.4 - 0.7j,
        0.7859401605395778 - 0.6123371345638834j,
        1.2285198599577745 + 1.5901859324065157j,
        -4.780956514414497 + 1.6724533271434383j,
    ),
    (
        "dawsn",
        1.5 + 0.2j,
        0.42806319627126993 - 0.05847390125084649j,
        -0.3075791493141484 + 0.00419642524403148j,
        0.068289625497518 + 0.2273901864952579j,
    ),
    (
        "dawsn",
        -3 - 2.5j,
        -0.13277531494039752 + 0.1284661485307972j,
        -0.4389826322963711 + 0.10692031648279551j,
        -2.902946746311409 - 1.8103235596466767j,
    ),
    (
        "dawsn",
        2 + 6j,
        -63371560045271.055 + 29683665777786.438j,
        609690229514522.5 + 641724057432106.9j,
        5388670891217735 - 9942546315458270j,
    ),
    (
        "dawsn",
        9 - 0.01j,
        0.05590497547218168 + 6.290832914149372e-05j,
        -0.006290816665853095 - 1.425041510325351e-05j,
        0.0014250340492944213 + 4.874480258513818e-06j,
    ),
    (
        "dawsn",
        -20 - 3j,
        -0.024477218553831136 + 0.0036806131478578493j,
        -0.0011724210403925629 + 0.00036121459132714627j,
        -0.00010969205600312208 + 5.283111501477522e-05j,
    ),
    (
        "spence",
        1e-12 + 1e-12j,
        1.6449340668191565 - 2.7499049362278912e-11j,
        -27.284447525676644 + 0.7853981633709493j,
        499999999973.7156 - 499999999999.2146j,
    ),
    (
        "spence",
        1.000001 - 1e-6j,
        -9.999999999175112e-07 + 9.999995000002222e-07j,
        -0.9999995 - 4.999993333338334e-07j,
        0.4999993333333334 + 6.666651666682667e-07j,
    ),
    (
        "spence",
        0.3 + 0.4j,
        0.7476375090591285 - 0.6214760881630763j,
        -1.317109405527087 + 0.5720735082725391j,
        0.5064523274184974 - 1.1790650868000885j,
    ),
    (
        "spence",
        -0.7 - 0.1j,
        2.2595549665510477 + 1.69303822363407j,
        -0.3066016080601781 - 1.7464914342233009j,
        -1.0537489231464252 - 0.8477156128874461j,
    ),
    (
        "spence",
        1.5 + 2j,
        -0.8676690858907591 - 1.3956013375813168j,
        -0.5441731298683063 + 0.32210208347000097j,
        0.03479585835156501 - 0.1433876003462619j,
    ),
    (
        "spence",
        -40 + 3j,
        -3.866563342730229 - 11.405278889827631j,
        0.08411766189095075 + 0.08095331198907021j,
        0.001297213676145972 + 0.0020239131926385206j,
    ),
    (
        "spence",
        1e9 - 1e8j,
        -216.46995465140907 + 2.065955851271199j,
        -2.053287909698973e-08 - 1.9536192591614305e-09j,
        1.9165662544614013e-17 + 3.7711756164039084e-18j,
    ),
    ("si", 1e-9 + 3e-9j, 1e-09 + 3e-09j, 1 - 1e-18j, -3.3333333333333337e-10 - 1e-09j),
    (
        "si",
        0.5 - 1.5j,
        0.6975622143729732 - 1.6239152165921258j,
        1.3467321608707281 + 0.30295944424689053j,
        -0.28718260403248635 + 0.5741951986041535j,
    ),
    (
        "si",
        3 + 0.1j,
        1.8503815263873995 + 0.004673419288363781j,
        0.046122325837497855 - 0.034592187837415966j,
        -0.3464107733926771 + 0.018365910868850862j,
    ),
    (
        "si",
        -4 - 20j,
        7577597.92656629 + 9975759.462667571j,
        -9388461.085317181 + 7301663.546003762j,
        -7040895.693650861 - 8866884.460580742j,
    ),
    (
        "si",
        -15 + 2j,
        -1.7695836506230276 + 0.14294353208629573j,
        0.13618815557254413 + 0.2018438883075122j,
        0.2149675104113544 - 0.11511495413599845j,
    ),
    (
        "si",
        60 + 3j,
        1.7286935817822042 - 0.05615361529807059j,
        -0.0589490941285493 - 0.15607178057758475j,
        -0.15576295178913163 + 0.061281921911551934j,
    ),
    (
        "si",
        2 - 70j,
        1.6783991372714106e28 + 7.10038299362656e27j,
        -7.004574363640493e27 + 1.6537858630422666e28j,
        -1.6298939533184316e28 - 6.911335275509582e27j,
    ),
    (
        "ci",
        1e-9 + 3e-9j,
        -18.994757625547855 + 1.2490457723982544j,
        100000000 - 300000000j,
        8e16 + 6e16j,
    ),
    (
        "ci",
        0.5 - 1.5j,
        1.552212221128187 - 0.8080954841426851j,
        -0.19961183840647506 + 1.4428263839759683j,
        -0.441113962803852 - 0.47175761799819915j,
    ),
    (
        "ci",
        3 + 0.1j,
        0.1193139861320003 - 0.03304775473874938j,
        -0.33143765921634505 + 0.006336077783834471j,
        0.06416395272750235 + 0.028803952623971136j,
    ),
    (
        "ci",
        -4 - 20j,
        -9975759.462667571 + 7577596.355769963j,
        -7301663.546003762 - 9388461.085317181j,
        8866884.460580742 - 7040895.693650861j,
    ),
    (
        "ci",
        -15 + 2j,
        0.14986751464810252 + 3.3349234003151507j,
        0.20780971758614417 - 0.12952558573319398j,
        -0.12144493751464652 - 0.20851316494867214j,
    ),
    (
        "ci",
        60 + 3j,
        -0.056352952304381185 - 0.15709389453033776j,
        -0.1568727220826882 + 0.05873621408327002j,
        0.06150829465022053 + 0.15496488365011335j,
    ),
    (
        "ci",
        2 - 70j,
        -7.10038299362656e27 + 1.6783991372714106e28j,
        -1.6537858630422666e28 - 7.004574363640493e27j,
        6.911335275509582e27 - 1.6298939533184316e28j,
    ),
    ("shi", 1e-9 + 3e-9j, 1e-09 + 3e-09j, 1 + 1e-18j, 3.3333333333333337e-10 + 1e-09j),
    (
        "shi",
        0.5 - 1.5j,
        0.3353636489727626 - 1.3747980929089134j,
        0.6822529129773145 - 0.20284375518390188j,
        0.06967015821925705 - 0.42488192452026746j,
    ),
    (
        "shi",
        3 + 0.1j,
        4.962232822795318 + 0.3336219248190083j,
        3.3300766647602495 + 0.22402714273596475j,
        2.235235962356329 + 0.18418931419077617j,
    ),
    (
        "shi",
        -4 - 20j,
        -1.2967872179865614 - 1.2088136106342475j,
        1.3056839715725785 - 0.29568948951151613j,
        -1.306613124283911 + 0.2305931745746779j,
    ),
    (
        "shi",
        -15 + 2j,
        32725.04532484139 + 111538.5586378318j,
        -31573.909175767807 - 103293.49072468969j,
        30407.87574264697 + 96251.78688527572j,
    ),
    (
        "shi",
        60 + 3j,
        -9.48994748903489e23 + 1.8490008589555795e23j,
        -9.331011989833969e23 + 1.8095513666185094e23j,
        -9.177387144921201e23 + 1.771710934929229e23j,
    ),
    (
        "shi",
        2 - 70j,
        0.04058540193315641 - 1.5373243348422463j,
        0.04249610395866362 + 0.03159954478979427j,
        0.04146979212628784 + 0.03224621555315082j,
    ),
    (
        "chi",
        1e-9 + 3e-9j,
        -18.994757625547855 + 1.2490457723982544j,
        100000000 - 300000000j,
        8e16 + 6e16j,
    ),
    (
        "chi",
        0.5 - 1.5j,
        0.554763884418766 - 1.5648659083045597j,
        0.3278269939250611 - 0.05609892777065909j,
        0.5830281575299069 - 0.38832016598480673j,
    ),
    (
        "chi",
        3 + 0.1j,
        4.949294880077149 + 0.3352762758993789j,
        3.346515952206978 + 0.22182236210774278j,
        2.2133474646679403 + 0.1873106620364608j,
    ),
    (
        "chi",
        -4 - 20j,
        1.2974855088933492 - 1.9322325001679888j,
        -1.3049519370148246 + 0.29620961060712414j,
        1.3073772034573938 - 0.23010324628381182j,
    ),
    (
        "chi",
        -15 + 2j,
        -32725.04532483137 - 111535.4170451944j,
        31573.909175778575 + 103293.49072467258j,
        -30407.875742635348 - 96251.78688529386j,
    ),
    (
        "chi",
        60 + 3j,
        -9.48994748903489e23 + 1.8490008589555795e23j,
        -9.331011989833969e23 + 1.8095513666185094e23j,
        -9.177387144921201e23 + 1.771710934929229e23j,
    ),
    (
        "chi",
        2 - 70j,
        0.04202622829986635 - 1.5386102375796782j,
        0.0410360694657315 + 0.032865694828576195j,
        0.04294849516972987 + 0.031000389762824786j,
    ),
]


@pytest.mark.parametrize("name, z, value, slope, second", CASES)
def test_values_and_derivatives(name, z, value, slope, second):
    f = FUNCTIONS[name]
    assert abs(f(pa.tensor(z)).item() - value) < 1e-14 * abs(value)
    single = f(pa.tensor(z, dtype="complex64"))
    assert single.dtype == np.complex64
    tolerance = 1e-11 if name == "dawsn" else 1e-13
    for modes in itertools.product(("forward", "reverse"), repeat=2):
        assert abs(complex_derivative(f, modes[:1])(z).item() - slope) < tolerance * abs(slope)
        assert abs(complex_derivative(f, modes)(z).item() - second) < tolerance * abs(second)
    mapped = pa.func.vmap(complex_derivative(f, ("forward", "reverse")))(pa.tensor([z, z]))
    assert np.all(np.abs(mapped.numpy() - second) < tolerance * abs(second))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_third_derivatives_against_differences_of_second_ones(name):
    f = FUNCTIONS[name]
    for z in (0.7 + 0.9j, -2 + 1.5j, 1 - 0.1j):
        h = 1e-4
        second = complex_derivative(f, ("forward", "reverse"))
        steps = ((1, 8), (-1, -8), (2, -1), (-2, 1))
        expected = sum(w * second(z + k * h).item() for k, w in steps) / (12 * h)
        third = complex_derivative(f, ("reverse", "forward", "reverse"))(z).item()
        assert abs(third - expected) < 1e-9 * max(1, abs(expected))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_real_axis_and_the_sides_of_cuts(name):
    """As SciPy's with an imaginary part of 0; with one of -0 the conjugate, from the other side."""
    f = FUNCTIONS[name]
    x = np.array([-60.0, -3.0, -0.4, 0.3, 2.5, 70.0])
    two = {"si": (sc.sici, 0), "ci": (sc.sici, 1), "shi": (sc.shichi, 0), "chi": (sc.shichi, 1)}
    call, part = two.get(name, (getattr(sc, name, None), None))
    want = call(x + 0j) if part is None else call(x + 0j)[part]
    got = f(pa.tensor(x + 0j)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-13)
    below = f(pa.tensor(np.conj(x + 0j))).numpy()
    np.testing.assert_array_equal(below, np.conj(got))
    if name != "expi":
        beside = f(pa.tensor(x + 1e-13j)).numpy()
        np.testing.assert_allclose(beside, got, rtol=1e-11)
        slope = complex_derivative(f, ("reverse",))
        on, off = slope(x + 0j).numpy(), slope(x + 1e-13j).numpy()
        np.testing.assert_allclose(on, off, rtol=1e-11)
    positive = x > 0
    values = f(pa.tensor(x[positive]))
    np.testing.assert_allclose(values, got.real[positive], rtol=1e-15)


def test_methods_meet():
    """Along circles through the places where one method takes over from another."""
    for radius in (0.999, 1.001, 2.9, 6.99, 7.01, 49.9, 50.1):
        z = radius * np.exp(1j * np.linspace(-3.1, 3.1, 41))
        np.testing.assert_allclose(pa.special.exp1(pa.tensor(z)), sc.exp1(z), rtol=2e-13)
        np.testing.assert_allclose(pa.special.spence(pa.tensor(z)), sc.spence(z), rtol=1e-13)
        if radius < 20:
            np.testing.assert_allclose(pa.special.dawsn(pa.tensor(z)), sc.dawsn(z), rtol=1e-12)
        for ours, theirs in ((pa.special.sici, sc.sici), (pa.special.shichi, sc.shichi)):
            for a, b in zip(ours(pa.tensor(z)), theirs(z), strict=True):
                np.testing.assert_allclose(a, b, rtol=2e-13)


def test_limits():
    special = pa.special
    assert special.exp1(pa.tensor(0j)).item() == np.inf
    assert special.expi(pa.tensor(0j)).item() == -np.inf
    assert special.dawsn(pa.tensor(0j)).item() == 0
    assert special.spence(pa.tensor(0j)).item() == np.pi**2 / 6
    assert special.spence(pa.tensor(1 + 0j)).item() == 0
    assert [y.item() for y in special.sici(pa.tensor(0j))] == [0, -np.inf]
    assert [y.item() for y in special.shichi(pa.tensor(0j))] == [0, -np.inf]
    assert special.exp1(pa.tensor(complex(np.inf, 1))).item() == 0
    assert special.dawsn(pa.tensor(complex(-np.inf, 1))).item() == 0
    assert [y.item() for y in special.sici(pa.tensor(complex(np.inf, 0)))] == [np.pi / 2, 0]
    for f in FUNCTIONS.values():
        for z in (complex(np.nan, 1), complex(1, np.nan)):
            assert np.isnan(f(pa.tensor(z)).item())


def test_hyperbolic_integrals_of_real_numbers():
    """Their derivatives are exact at 0: those of sinh(x) / x are 1 / (n + 1) and 0 in turn."""
    sine, cosine = FUNCTIONS["shi"], FUNCTIONS["chi"]
    for order in range(1, 7):
        f = sine
        for _ in range(order):
            f = pa.func.grad(f)
        assert f(0.0).item() == pytest.approx(1 / order if order % 2 else 0, rel=1e-14, abs=0)
    assert pa.func.grad(pa.func.grad(sine))(1e-9).item() == pytest.approx(
        1e-9 / 3, rel=1e-14, abs=0
    )
    for x in (0.999, 1.001, 30.0):
        second = pa.func.grad(pa.func.grad(cosine))(x).item()
        assert second == pytest.approx(np.sinh(x) / x - np.cosh(x) / x**2, rel=1e-13, abs=0)
    x = np.array([-800.0, -100.0, -1e-300, 1e-5, 3.0, 49.9, 50.1, 700.0])
    for ours, theirs in zip(pa.special.shichi(x), sc.shichi(x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)
