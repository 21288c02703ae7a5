//! Which events a subscriber wants.

use axum::http::Uri;
use vibetea_protocol::{ErrorCode, EventType, Problem};

use crate::hub::Frame;
use crate::store::SourceFilter;

/// The wanted source, type and project, each optional, of what the subscriber may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    scope: SourceFilter,
    source: Option<String>,
    event_type: Option<EventType>,
    project: Option<String>,
}

impl Filter {
    /// Reads the parameters `source`, `type` and `project`; an empty one counts as not given. Nothing beyond `scope` is
    /// wanted, whatever they say.
    pub fn from_query(query: &Query, scope: SourceFilter) -> Result<Self, Problem> {
        let event_type = query
            .get("type")
            .map(|name| {
                EventType::from_name(name).ok_or_else(|| {
                    let allowed = EventType::ALL.map(EventType::as_str).join(", ");
                    Problem::new(
                        ErrorCode::InvalidRequest,
                        format!("The parameter type is none of the event types: {allowed}"),
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            scope,
            source: query.get("source").map(str::to_owned),
            event_type,
            project: query.get("project").map(str::to_owned),
        })
    }

    /// Whether the subscriber wants this event. One that names no project is of none.
    pub fn wants(&self, frame: &Frame) -> bool {
        self.scope.admits(frame.source.as_str())
            && self.source.as_deref().is_none_or(|source| source == frame.source.as_str())
            && self.event_type.is_none_or(|event_type| event_type == frame.event_type)
            && self.project.as_deref().is_none_or(|project| Some(project) == frame.project.as_deref())
    }
}

/// The parameters of a request's address; of a repeated one the first counts.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The parameters of an address; whatever it holds can be read as pairs of text.
    pub fn of(uri: &Uri) -> Self {
        axum::extract::Query::try_from_uri(uri).map(|pairs| Self(pairs.0)).unwrap_or_default()
    }

    /// The parameter's value if it is there, be it empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parameter's value if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::tests::frame;

    fn filter(pairs: &[(&str, &str)]) -> Result<Filter, Problem> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Filter::from_query(&Query(pairs), SourceFilter::All)
    }

    #[test]
    fn every_given_filter_must_match() {
        let event = frame(1, "laptop", EventType::Tool, Some("shop"));
        let wants = |pairs: &[_]| filter(pairs).unwrap().wants(&event);
        assert!(wants(&[]));
        assert!(wants(&[("source", ""), ("type", ""), ("project", "")]));
        assert!(wants(&[("source", "laptop"), ("type", "tool"), ("project", "shop")]));
        assert!(!wants(&[("source", "Laptop")]));
        assert!(!wants(&[("source", "laptop"), ("type", "error")]));
        assert!(!wants(&[("project", "sho")]));
    }

    #[test]
    fn nothing_beyond_the_scope_is_wanted() {
        let scope = SourceFilter::among(["desktop".to_owned(), "server".to_owned()]);
        let of = |source: &str| frame(1, source, EventType::Tool, None);
        for given in [None, Some("laptop"), Some("desktop")] {
            let pairs = given.map(|source| ("source".to_owned(), source.to_owned()));
            let filter = Filter::from_query(&Query(pairs.into_iter().collect()), scope.clone()).unwrap();
            assert!(!filter.wants(&of("laptop")), "{given:?}");
            assert_eq!(filter.wants(&of("desktop")), given != Some("laptop"), "{given:?}");
        }
    }

    #[test]
    fn an_event_without_project_is_of_none() {
        let event = frame(1, "laptop", EventType::Error, None);
        assert!(!filter(&[("project", "shop")]).unwrap().wants(&event));
        assert!(filter(&[("type", "error")]).unwrap().wants(&event));
    }

    #[test]
    fn an_unknown_type_is_refused_with_what_is_allowed() {
        let problem = filter(&[("type", "<script>")]).unwrap_err();
        assert_eq!(problem.error, ErrorCode::InvalidRequest);
        assert!(problem.message.ends_with("session, activity, tool, agent, summary, error"));
        assert!(!problem.message.contains("script"));
    }
}
