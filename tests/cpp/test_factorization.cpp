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
  for (const Index size : {1, 2, 15, 16, 17, 31, 32, 33, 100, 257, 400}) {
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
    CHECK(llt.matrixLLT() == llt_expected.matrixLLT());
    CHECK(llt.solve(b) == llt_expected.solve(b));
    CHECK(InterruptibleLlt(-positive).info() == Eigen::NumericalIssue);
  }
}

CASE(factorisations_in_pieces_are_right_and_interrupted) {
  const Index size = 300;
  const Matrix a = random_square(size);
  const Vector b = Vector::Random(size);
  const Eigen::MatrixXd positive = a * a.transpose() + Matrix::Identity(size, size);
  for (const double at_once : {1.0, 1e5}) {
    CHECK((a * InterruptibleLu(a, at_once).solve(b) - b).norm() < 1e-8);
    CHECK((positive * InterruptibleLlt(positive, at_once).solve(b) - b).norm() < 1e-8);
  }
  CHECK(interrupted([&] {
    while (true) InterruptibleLu(a, 1e5);
  }));
  CHECK(interrupted([&] {
    while (true) InterruptibleLlt(positive, 1e5);
  }));
}
