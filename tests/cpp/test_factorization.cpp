#include "check.hpp"
#include "fastpg/core/factorization.hpp"
#include "fastpg/core/interruption.hpp"

using namespace fastpg;

namespace {

// Whether work(), which would not end in a lifetime, ends by the first answer of a watch.
template <class Work>
bool interrupted(Work&& work) {
  Watch watch([](void*) { return true; }, nullptr);
  const WatchedScope scope(&watch, true);
  try {
    work();
  } catch (const Interrupted&) {
    return true;
  }
  return false;
}

Matrix random_square(Index size) { return Matrix::Random(size, size); }

}  // namespace

CASE(without_a_watch_a_checkpoint_does_nothing) {
  checkpoint();
  const WatchedScope none(nullptr, false);
  checkpoint();
}

CASE(factorisations_have_the_bits_of_eigen) {
  for (const Index size : {1, 2, 15, 16, 17, 31, 32, 33, 100, 127, 128, 129, 256, 257, 400, 531}) {
    const Matrix a = random_square(size);
    const Vector b = Vector::Random(size);
    const InterruptibleLu lu(a);
    const Eigen::PartialPivLU<Matrix> expected(a);
    CHECK(lu.matrixLU() == expected.matrixLU());
    CHECK(lu.solve(b) == expected.solve(b));
    CHECK(lu.rcond() == expected.rcond());
    CHECK(lu.determinant() == expected.determinant());
    const Eigen::MatrixXd positive = a * a.transpose() + Matrix::Identity(size, size);
    const InterruptibleLlt llt(positive);
    const Eigen::LLT<Eigen::MatrixXd> llt_expected(positive);
    CHECK(llt.info() == Eigen::Success);
    if (size < 128) {
      CHECK(llt.matrixLLT() == llt_expected.matrixLLT());
      CHECK(llt.solve(b) == llt_expected.solve(b));
    } else {
      const Eigen::MatrixXd l = llt.matrixL(), expected_l = llt_expected.matrixL();
      CHECK((l - expected_l).norm() < 1e-10 * expected_l.norm());
      CHECK((positive * llt.solve(b) - b).norm() < 1e-10 * b.norm() * positive.norm());
    }
    CHECK(InterruptibleLlt(-positive).info() == Eigen::NumericalIssue);
  }
}

CASE(factorisations_in_pieces_are_right_and_interrupted) {
  const Index size = 300;
  const Matrix a = random_square(size);
  const Vector b = Vector::Random(size);
  const Eigen::MatrixXd positive = a * a.transpose() + Matrix::Identity(size, size);
  CHECK((positive * InterruptibleLlt(positive).solve(b) - b).norm() < 1e-8);
  for (const double at_once : {1.0, 1e5}) {
    CHECK((a * InterruptibleLu(a, at_once).solve(b) - b).norm() < 1e-8);
  }
  CHECK(interrupted([&] {
    while (true) InterruptibleLu(a, 1e5);
  }));
  CHECK(interrupted([&] {
    while (true) InterruptibleLlt llt(positive);
  }));
}
