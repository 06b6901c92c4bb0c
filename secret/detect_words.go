package secret

import "strings"

// splitWords cuts a name into lower-case words at everything that is neither
// letter nor digit, at changes from lower to upper case, before the last
// capital of an acronym (LDAPPassword is ldap password) and at digits, which
// are dropped: PASSWORD1 is password, oauth2Token is oauth token.
func splitWords(name string) []string {
	var words []string
	start := -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, strings.ToLower(name[start:end]))
			start = -1
		}
	}
	for i := 0; i < len(name); i++ {
		switch {
		case !isLetter(name[i]):
			flush(i)
			continue
		case start >= 0 && isUpper(name[i]) && isLower(name[i-1]):
			flush(i)
		case start >= 0 && isUpper(name[i]) && isUpper(name[i-1]) && i+1 < len(name) && isLower(name[i+1]) && !pluralS(name, i):
			flush(i)
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(name))
	return words
}

// pluralS reports whether the s after i only marks the plural of an acronym,
// as in APIKEYs.
func pluralS(name string, i int) bool {
	return name[i+1] == 's' && (i+2 == len(name) || !isLower(name[i+2]))
}

func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isLower(c byte) bool  { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return isUpper(c) || isLower(c) || c >= 0x80 }
func isAlnum(c byte) bool  { return isDigit(c) || isUpper(c) || isLower(c) }

// set is a fixed list of words for membership tests.
type set map[string]struct{}

func words(list string) set {
	s := set{}
	for _, w := range strings.Fields(list) {
		s[w] = struct{}{}
	}
	return s
}

func (s set) has(w string) bool {
	_, ok := s[w]
	return ok
}

func (s set) hasAny(list []string) bool {
	for _, w := range list {
		if s.has(w) {
			return true
		}
	}
	return false
}

// vocabulary holds the words by which names are judged. It is built once, on
// first use, so that a process that judges nothing does not pay for it.
type vocabulary struct {
	strong    set // a secret by itself
	endings   []string
	notEnd    set // words that have such an ending by accident
	keyOf     set // X of X_KEY that makes it a secret
	codeOf    set // X of X_CODE that makes it a secret
	ranks     set // tell the keys of one purpose apart, as ENCRYPTION_PRIMARY_KEY of Rails
	notKeyOf  set // X of X_KEY whose value may look random and still is public
	after     set // behind the strong word: what the name is about instead
	afterKey  set // part of after that does not count behind X_KEY
	before    set // in front of the strong word: a switch or a number
	ofService set // in front of a weak word: AUTH of DB_NAME_AUTH is a service
	// principals stand in front of a name: group:ops.
	principals set
	public     set
	methods    set // values of AUTH that name a method
	switches   set
	units      set
}

func newVocabulary() *vocabulary {
	return &vocabulary{
		strong: words(`password passwords passwd pass passes pwd pwds pw passw psw pswd passwrd passphrase
			passphrases passcode passwort kennwort wachtwoord senha mdp contrasena secret secrets token tokens
			credential credentials cred creds apikey apikeys salt salts pepper dsn mnemonic psk authkey
			authtoken authcode htpasswd passkey passkeys secretkey privatekey accesskey`),
		endings: []string{
			"password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "authkey", "secretkey",
			"privatekey", "accesskey", "masterkey", "encryptionkey", "signingkey", "cookiekey", "sessionkey",
			"licensekey", "pwd", "pass", "pw",
		},
		notEnd: words(`compass bypass encompass overpass underpass trespass surpass multipass singlepass oldpwd
			nonsecret proxypass onepass`),
		keyOf: words(`api private access encryption encrypt enc signing sign master secret auth crypt crypto cookie
			session jwt app application hmac storage account shared license licence admin security des aes hash
			block ssh fernet cipher deploy preshared service role anon root write ingest ingestion webhook
			consumer client data wireguard backup recovery unseal seal join vault token credential credentials
			instance install installation activation product subscription integration cron rpc validator wallet seed nonce
			logged sensitive props db database server registration bot user owner rsa ecdsa gpg pgp bearer internal system
			csrf xsrf sdk openssl mongo mongodb replicaset
			openai anthropic claude gemini mistral cohere groq deepseek openrouter perplexity elevenlabs tavily serper
			stripe mailgun sendgrid mailjet mailchimp brevo postmark resend twilio pusher algolia cloudinary imgbb
			tmdb omdb tvdb fanart lastfm spotify twitch youtube igdb steam weather openweather openweathermap
			newsapi giphy unsplash pexels ipinfo maxmind infura alchemy etherscan moralis mapbox finnhub
			amplitude mixpanel posthog datadog newrelic rollbar bugsnag honeybadger sentry
			aws azure gcp google firebase fcm cloudflare hetzner linode vultr hcaptcha turnstile github gitlab discord
			supabase hasura pinecone qdrant langsmith langfuse wandb virustotal shodan telegram slack`),
		codeOf: words(`auth recovery activation access`),
		ranks:  words(`primary secondary deterministic`),
		notKeyOf: words(`public publishable pub site partition routing foreign sort cache idempotency
			index lookup authorized host known recv receive trusted`),
		after: words(`file files filename path paths dir directory folder location url urls uri endpoint host
			hosts hostname port address addr header headers name names namespace type types method methods mode
			policy policies provider providers backend driver ttl expire expires expired expiry expiration exp
			lifetime lifespan timeout duration interval age maxage minutes seconds hours days length len size
			min max minimum maximum limit count attempts retries tries rotation strength complexity regex
			pattern format prefix suffix algorithm algorithms algo alg enabled enable disabled disable required
			require optional allow allowed reset change login recovery forgot protection protected encryption
			hashing field attribute attributes attr attrs claim claims scheme schemes hasher hashers history config configuration jaas issuer audience scope scopes realm domain version id ids
			arn ref reference store manager server engine plugin plugins grant grants flow check validation
			validator verify leeway user username email rounds iterations cost group label labels index cache
			permission permissions request requests rate quota usage cors log logging hint prompt message
			placeholder symbol decimals contract supply pda threshold thresholds budget through headers authentication cert certificate
			separator delimiter encoding charset column table bucket region mount minion digits period window
			source sources time language languages lang locale theme title description ssl tls class factory strategy handler expirein expiresin validity grace renew renewal
			refreshinterval from sender stdin fd service services requirement requirements users`),
		afterKey: words(`encryption store backup`),
		before: words(`allow random enable enabled disable disabled use using require required requires skip
			force has is need needs check verify validate generate gen rotate reset forgot change show hide
			expire max min num number count limit total with without no prompt output input context completion
			save remember store update secure autogenerate ask budget limiter limiters throttle`),
		ofService:  words(`name host hostname port url uri path dir image version schema domain topic queue`),
		principals: words(`User user group role team org github gitlab google oidc ldap`),
		public:     words(`public publishable`),
		methods: words(`basic digest bearer jwt oauth oauth2 oidc ldap saml plain login local trust md5 peer ident
			scram cram ntlm kerberos gssapi spnego pam cookie session token apikey api key password none any
			all auto default simple internal external native proxy db database sql file anonymous guest
			optional required require requested want need cert tls ssl mtls http https form forms header headers standard user users username
			admin htpasswd silly mongo mysql postgres redis email starttls xoauth2 dolibarr keycloak google github microsoft`),
		switches: words(`true false yes no on off enabled disabled enable disable none null nil undefined never always`),
		units:    words(`ms s sec secs second seconds m min mins minute minutes h hr hrs hour hours d day days w week weeks y year years k kb mb gb b`),
	}
}
