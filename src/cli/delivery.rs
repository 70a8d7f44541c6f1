//! How a home is written: from arguments and Airflow's own configuration to settings.

use crate::config::{DeliveryArguments, DriftArgument, Environment, ModeArgument, OrderArgument, airflow_folder};
use crate::content::{Order, Planner};
use crate::publish::{self, PublishMode};
use crate::sync::{Delivery, OnDrift, Settings};
use std::path::{Path, PathBuf};

pub(super) fn delivery(arguments: &DeliveryArguments, home: &Path, environment: &Environment) -> Delivery {
    let config = std::fs::read_to_string(home.join("airflow.cfg")).ok();
    let folder = |given: &Option<PathBuf>, name: &str| {
        let said =
            || airflow_folder(&format!("{name}_folder"), environment, config.as_deref(), &home.to_string_lossy());
        given.clone().or_else(said).filter(|folder| *folder != home.join(name))
    };
    Delivery {
        planner: Planner {
            order: match arguments.order {
                OrderArgument::ByRoot => Order::ByRoot,
                OrderArgument::AdditionsFirst => Order::AdditionsFirst,
            },
            most_loss: Some(arguments.most_loss),
            confirmed: arguments.confirm.clone(),
        },
        options: publish::Options {
            ignore_plugin_folders: !arguments.no_plugins_ignore,
            mode: match arguments.mode {
                ModeArgument::InPlace => PublishMode::InPlace,
                ModeArgument::Symlink => PublishMode::Symlink,
            },
        },
        drift: match arguments.drift {
            DriftArgument::Repair => OnDrift::Repair,
            DriftArgument::Report => OnDrift::Report,
            DriftArgument::Ignore => OnDrift::Ignore,
        },
        dags_folder: folder(&arguments.dags_folder, "dags"),
        plugins_folder: folder(&arguments.plugins_folder, "plugins"),
    }
}

/// Folders outside of the home's usual places, each worth a line at the start.
pub(super) fn elsewhere(settings: &Settings) -> Vec<String> {
    [("DAGs", &settings.delivery.dags_folder), ("plugins", &settings.delivery.plugins_folder)]
        .into_iter()
        .filter_map(|(what, folder)| Some((what, folder.as_ref()?)))
        .map(|(what, folder)| {
            format!("the {what} folder is where Airflow's configuration has it: {}", folder.display())
        })
        .collect()
}
