//! The routes of calls.

use actix_web::{HttpRequest, guard, web};

use super::calls::handle;
use super::state::{Gateway, IsTaken};
use super::target::Way;
use crate::doors::Doors;
use crate::edge::FunctionHost;

impl Gateway {
    /// Adds the routes of calls.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        if self.services.settings.edge.functions_host.is_some() {
            // On a function's host there is nothing but the function.
            let is_functions = guard::fn_guard(|context| context.req_data().contains::<FunctionHost>());
            config.service(web::scope("").guard(is_functions).default_service(to(Way::Host)));
        }
        // The fixed prefix of a scope is compared, while a pattern would be matched by a regular expression.
        let calls = web::scope("/function").default_service(to(Way::Call));
        let later = web::scope("/async-function").default_service(to(Way::Later));
        config.app_data(web::Data::new(self.clone())).service(calls).service(later);
        if !self.services.settings.edge.public_functions.are_none() {
            let (doors, is_taken) = (self.doors.clone(), self.is_taken);
            let of_functions = guard::fn_guard(move |context| leads(&doors, is_taken, context.head().uri.path()));
            config.service(web::scope("").guard(of_functions).default_service(to(Way::Path)));
        }
    }
}

fn to(way: Way) -> actix_web::Route {
    web::to(move |request: HttpRequest, payload: web::Payload, gateway: web::Data<Gateway>| {
        handle(request, payload, gateway, way)
    })
}

/// Whether a path belongs to a function. The platform's own paths, including future ones, do not.
fn leads(doors: &Doors, is_taken: IsTaken, path: &str) -> bool {
    doors.at(path).is_some() && !is_taken(path)
}
