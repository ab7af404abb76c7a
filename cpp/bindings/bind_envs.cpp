#include "bind_vector_env.hpp"
#include "fastpg/envs/cartpole.hpp"

namespace fastpg {

void bind_envs(py::module_& m) {
  py::native_enum<Autoreset>(m, "Autoreset", "enum.Enum",
                             "What a step does when an episode has ended.")
      .value("next_step", Autoreset::next_step)
      .value("same_step", Autoreset::same_step)
      .value("disabled", Autoreset::disabled)
      .finalize();

  bind_vector_env<CartPole>(m, "CartPole", "`num_envs` copies of CartPole.")
      .def(py::init([](py::ssize_t num_envs, std::optional<std::int64_t> max_episode_steps,
                       bool exact, bool copy, bool sutton_barto_reward, bool semi_implicit) {
             return std::make_unique<BoundVectorEnv<CartPole>>(
                 num_envs, max_episode_steps, exact, copy,
                 CartPole::Params{sutton_barto_reward, semi_implicit});
           }),
           py::arg("num_envs"), py::arg("max_episode_steps"), py::arg("exact"), py::arg("copy"),
           py::arg("sutton_barto_reward"), py::arg("semi_implicit"));
}

}  // namespace fastpg
