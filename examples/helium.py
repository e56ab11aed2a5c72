"""The ground state of helium by variational Monte Carlo, beside what Hylleraas found in 1929.

The wave function is Hylleraas's: exp(-zeta s) (1 + c1 u + c2 t^2 + c3 s + c4 s^2 + c5 u^2) with
s = r1 + r2, t = r1 - r2 and u the distance of the electrons. Walkers sample its square by
Metropolis's rule. The local energy needs the Laplacian of log psi, which pa.laplacian takes in one
forward evaluation; the six parameters follow the natural gradient, for which vmap gives
d log psi / d parameters at every walker (S. Sorella, Green function Monte Carlo with stochastic
reconfiguration, 1998). The exit status is 1 if the energy is not that of 1929 within the error.

    python examples/helium.py [--walkers N] [--steps N]
"""

import argparse
import sys
import time

import numpy as np

import pyautograd as pa

HYLLERAAS = -2.90324  # hartree, with the best six parameters: E. Hylleraas, Z. Physik 54, 1929
EXACT = -2.903724  # of the nonrelativistic Hamiltonian, with a nucleus that does not move
HARTREE_FOCK = -2.861680


def log_psi(parameters, electrons):
    """log |psi| for one configuration, of shape (2, 3)."""
    zeta, c = parameters["zeta"], parameters["c"]
    r1, r2 = pa.unstack(pa.linalg.norm(electrons, axis=-1))
    s, t, u = r1 + r2, r1 - r2, pa.linalg.norm(electrons[0] - electrons[1])
    terms = pa.stack([u, t**2, s, s**2, u**2])
    return -zeta * s + pa.log(pa.abs(1 + c @ terms))


def potential(electrons):
    r1, r2 = pa.unstack(pa.linalg.norm(electrons, axis=-1))
    return 1 / pa.linalg.norm(electrons[0] - electrons[1]) - 2 / r1 - 2 / r2


def local_energy(parameters, electrons):
    """(H psi) / psi."""
    slope = pa.func.grad(log_psi, argnums=1)(parameters, electrons)
    curvature = pa.laplacian(log_psi, argnums=1)(parameters, electrons)
    return -0.5 * (curvature + pa.sum(slope**2)) + potential(electrons)


values = pa.func.vmap(log_psi, (None, 0))
energies = pa.func.vmap(local_energy, (None, 0))
slopes = pa.func.vmap(pa.func.grad(lambda v, x, unravel: log_psi(unravel(v), x)), (None, 0, None))


def sample(rng, parameters, electrons, sweeps, width=0.6):
    """Metropolis's walk: every sweep proposes a move to all walkers."""
    present = values(parameters, electrons).numpy()
    for _ in range(sweeps):
        proposed = electrons + width * rng.standard_normal(electrons.shape)
        there = values(parameters, proposed).numpy()
        accepted = np.log(rng.random(len(present))) < 2 * (there - present)
        electrons = np.where(accepted[:, None, None], proposed, electrons)
        present = np.where(accepted, there, present)
    return electrons


def optimised(rng, parameters, electrons, steps):
    """The parameters after steps against the natural gradient, and the walkers then."""
    vector, unravel = pa.tree.ravel(parameters)
    for step in range(steps):
        electrons = sample(rng, unravel(vector), electrons, 10)
        local = energies(unravel(vector), electrons).numpy()
        if step % 10 == 0:
            print(f"step {step:2d}: energy {local.mean():.4f}, spread {local.std():.3f}")
        scores = slopes(vector, electrons, unravel).numpy()
        scores -= scores.mean(axis=0)
        metric = scores.T @ scores / len(local)
        metric += 0.02 * np.diag(np.diag(metric)) + 1e-6 * np.eye(len(metric))
        force = scores.T @ (local - local.mean()) / len(local)
        vector = vector - 0.2 * np.linalg.solve(metric, force)
    return unravel(vector), electrons


def estimate(rng, parameters, electrons, repeats=100):
    """The energy with its standard error, from the means of independent walkers."""
    total = np.zeros(len(electrons))
    for _ in range(repeats):
        electrons = sample(rng, parameters, electrons, 20)
        total += energies(parameters, electrons).numpy()
    return total.mean() / repeats, total.std() / repeats / np.sqrt(len(total))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Helium by variational Monte Carlo.")
    parser.add_argument("--walkers", type=int, default=2000, help="configurations")
    parser.add_argument("--steps", type=int, default=40, help="steps of the natural gradient")
    options = parser.parse_args(arguments)

    began = time.perf_counter()
    rng = np.random.default_rng(0)
    parameters = {"zeta": 1.7, "c": np.zeros(5)}
    electrons = sample(rng, parameters, rng.standard_normal((options.walkers, 2, 3)), 200)
    parameters, electrons = optimised(rng, parameters, electrons, options.steps)
    energy, error = estimate(rng, parameters, electrons)
    elapsed = time.perf_counter() - began
    print(f"Hartree-Fock            {HARTREE_FOCK:.5f} hartree")
    print(f"Hylleraas, 6 parameters {HYLLERAAS:.5f}")
    print(f"exact                   {EXACT:.5f}")
    print(f"Monte Carlo             {energy:.5f} +- {error:.5f}  ({elapsed:.1f} s)")
    allowed = 4 * error + 5e-4
    verdict = "agrees" if abs(energy - HYLLERAAS) <= allowed else "DOES NOT AGREE"
    print(f"{verdict} with Hylleraas: difference {energy - HYLLERAAS:.5f}, allowed {allowed:.5f}")
    return 0 if verdict == "agrees" else 1


if __name__ == "__main__":
    sys.exit(main())
